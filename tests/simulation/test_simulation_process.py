import asyncio
import json
import signal
import sys

import openai

COMMAND = [sys.executable, "-m", "guardian_cluster.simulation", "--servers", "2", "--say", "from afar"]


async def test_servers_run_in_a_process_of_their_own_until_told_to_stop():
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "--fault", "server-error", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    urls = json.loads(await asyncio.wait_for(process.stdout.readline(), 10))

    async with openai.AsyncOpenAI(base_url=urls["model-2"], api_key="k", timeout=5) as client:
        completion = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hi"}]
        )
    process.send_signal(signal.SIGTERM)

    assert completion.choices[0].message.content == "from afar"
    assert list(urls) == ["model-1", "model-2"]
    assert await asyncio.wait_for(process.wait(), 10) == 0
