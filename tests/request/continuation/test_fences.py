import pytest

from guardian_cluster.request.continuation.fences import ends_in_fence


@pytest.mark.parametrize(
    "text",
    [
        "```\ncode",
        "```python\ncode\n",
        "~~~\ncode\n```\n",
        "````\ncode\n```\n",
        "```\ncode\n    ```\n",
        "```\ncode\n``` no end\n",
        "   ```\ncode\n",
        "- item\n  ```\n  code\n",
        "1. item\n\n   ```sh\n   code\n",
        "- one\n  - two\n\n    ```\n    code\n",
        "> ```\n> code\n",
        "```\ncode\n```",  # its line has not ended, and may yet be no end
        "text\n``",
        "text\n- `",
    ],
)
def test_a_text_ends_in_a_code_block(text: str) -> None:
    assert ends_in_fence(text)


@pytest.mark.parametrize(
    "text",
    [
        "text",
        "```\ncode\n```\n",
        "```\ncode\n`````  \n",
        "~~~ `info`\ncode\n~~~\n",
        "``` `no` fence\ntext\n",
        "    ```\ntext\n",
        "a ``` b\n",
        "- item\n  ```\n  code\n  ```\n",
        "- item\n  ```\n  code\n\ntext after the item\n",
        "> ```\n> code\n\ntext after the quote\n",
        "inline `code\n",
        "```\r\ncode\r\n```\r\n",
    ],
)
def test_a_text_ends_outside_of_code_blocks(text: str) -> None:
    assert not ends_in_fence(text)
