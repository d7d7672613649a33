"""Whether a text in a script without spaces goes on within a sentence, by the signs it begins with.

No sentence begins with a particle, an ending or what counts a number: with those a sentence goes on.
"""

import re

_CHINESE = frozenset("的了着过得是也都就还又才们里中上下些么呢吗吧与及或而被把给让")
"""Signs that a sentence hardly ever begins with."""
_NO_CHINESE_WORDS = (
    "中国", "中午", "中间", "中央", "上海", "上午", "上述", "上面", "下面", "下列",
    "下午", "下一", "里面", "与其", "与此", "就是", "就算", "还有", "还是", "也许",
    "也有", "都市", "得益", "得到", "是否", "过去", "过程", "而且", "或者", "或许",
    "给人", "让我", "把握", "些许", "才能", "才华", "着手", "及时", "又名", "又称",
    "了解", "被称",
)  # fmt: skip
"""Words that sentences do begin with."""
_COUNTERS = frozenset(
    "年月日号时分秒个座家种位名元万亿千百人只条本册层间段米里公克吨斤次回度岁倍件张台辆棵株頭匹羽冊個円圓階歳軒枚番"
)
_HIRAGANA = re.compile("[ぁ-ん]")
_JAPANESE_WORDS = re.compile(
    "こ[れのこちう]|そ[れのこちうしも]|あ[れのなりるま]|ど[れのこちう]|い[つくまろず]|な[おぜか]|また|まず|さら|しか|ただ|たと|つま|つぎ|ため|"
    "もし|もちろん|もっと|ほか|ほと|とく|とて|ところ|よ[くりう]|よろ|わ[たか]|き[っみ]|み[なん]|おす|おみ|おも|おそ|おお|およ|お[願土]|ご|"
    "やは|やや|ゆっ|ぜひ|すべ|すで|すぐ|でも|ですが|では|だか|だが|はい|はじ|にもか|ひと|ふた|むか|けれ|とな|と言|うち|え[えっ]|かつ|かな|から"
)
"""Words in hiragana that sentences begin with."""
_KOREAN = re.compile(
    "(?:은|는|가|을|를|에|에서|에는|에게|의|로|으로|와|과|도|만|부터|까지|입니다|습니다|니다|합니다|됩니다|했습니다|었습니다|았습니다)"
    r"(?=[ .,\n]|\Z)"
)
"""Particles and endings that stand at no word of their own."""
_HANGUL = re.compile("[가-힣]")


def goes_on_within(said: str, text: str) -> bool:
    """Return whether a text goes on within the sentence that `said` ends in, without a space between them."""
    if not text or text[0].isspace() or said[-1:].isspace():
        return False
    if said[-1:].isdigit() and text[0] in _COUNTERS:
        return True
    if _HIRAGANA.match(text):
        return _JAPANESE_WORDS.match(text) is None
    if is_korean(said[-1:]):
        return _KOREAN.match(text) is not None
    return text[0] in _CHINESE and not text.startswith(_NO_CHINESE_WORDS)


def is_korean(sign: str) -> bool:
    """Return whether a sign is a Korean syllable: they tell as much as other wide signs, but words have spaces."""
    return _HANGUL.match(sign) is not None


def between_korean(said: str, text: str) -> str | None:
    """Return what must stand between two texts, one of them Korean; `None` where that is unclear."""
    if said[-1] in ".!?,;:":
        return " "
    if said[-1].isdigit() or not text[0].isalnum():
        return ""
    return "" if is_korean(text[0]) and goes_on_within(said, text) else None
