"""Words of several languages and scripts, of which text is generated that nobody wrote."""

from collections.abc import Mapping, Sequence

_SPACED: Mapping[str, str] = {
    "english": (
        "time year people way day thing world life hand part child eye place work week case point company number"
        " group problem fact water money story month right study book word business issue side kind head house service"
        " friend power hour game line end member law car city community name team minute idea body information back"
        " parent face level office door health person art war history party result change morning reason research"
        " moment air teacher force education of the and to in is that for with on as by from at or an be this are"
    ),
    "chinese": (
        "我们 你们 他们 这个 那个 时间 工作 学生 老师 城市 国家 经济 发展 文化 历史 科学 技术 问题 方法 可以 应该 因为"
        " 所以 但是 如果 已经 正在 需要 认为 提高 减少 增加 重要 主要 不同 相同 环境 保护 健康 医院 学校 大学 教育"
        " 研究 结果 数据 信息 系统 网络 计算机 模型 语言 中文 的 了 在 是 和 有 就 不 也 都 很 把 被 对 从 到"
    ),
    "japanese": (
        "私たち あなた 時間 仕事 学生 先生 都市 国 経済 発展 文化 歴史 科学 技術 問題 方法 できる する なる ある いる"
        " ため しかし もし すでに 必要 重要 環境 保護 健康 病院 学校 大学 教育 研究 結果 データ 情報 システム"
        " ネットワーク コンピュータ モデル 言語 日本語 は が を に で と も の から まで です ます でした ました"
    ),
    "korean": (
        "우리는 시간이 사람들이 세계에서 학교에 선생님은 도시의 경제와 발전을 문화가 역사를 과학과 기술이 문제를"
        " 방법으로 있습니다 합니다 그러나 그리고 만약 이미 필요한 중요한 환경을 보호하고 건강에 병원에서 대학교"
        " 교육은 연구 결과는 데이터를 정보가 시스템을 네트워크 컴퓨터로 모델은 언어를 한국어로 매우 다른 같은"
    ),
    "thai": (
        "เรา คุณ เวลา คน โลก ชีวิต วัน เมือง ประเทศ เศรษฐกิจ การพัฒนา วัฒนธรรม ประวัติศาสตร์ วิทยาศาสตร์ เทคโนโลยี"
        " ปัญหา วิธีการ สามารถ ควร เพราะ ดังนั้น แต่ ถ้า แล้ว กำลัง ต้องการ สำคัญ สิ่งแวดล้อม สุขภาพ โรงพยาบาล"
        " โรงเรียน มหาวิทยาลัย การศึกษา งานวิจัย ผลลัพธ์ ข้อมูล ระบบ เครือข่าย คอมพิวเตอร์ ภาษา และ ที่ ของ ใน เป็น"
    ),
    "arabic": (
        "نحن الوقت الناس العالم الحياة اليوم المدينة الدولة الاقتصاد التنمية الثقافة التاريخ العلم التكنولوجيا"
        " المشكلة الطريقة يمكن يجب لأن لذلك لكن إذا قد الآن مهم البيئة الصحة المستشفى المدرسة الجامعة التعليم البحث"
        " النتيجة البيانات المعلومات النظام الشبكة الحاسوب النموذج اللغة العربية في من على إلى عن مع هذا هذه التي"
    ),
    "hindi": (
        "हम समय लोग दुनिया जीवन दिन शहर देश अर्थव्यवस्था विकास संस्कृति इतिहास विज्ञान तकनीक समस्या तरीका सकता"
        " चाहिए क्योंकि इसलिए लेकिन अगर पहले अब ज़रूरी महत्वपूर्ण पर्यावरण स्वास्थ्य अस्पताल विद्यालय विश्वविद्यालय"
        " शिक्षा शोध परिणाम आँकड़े जानकारी प्रणाली कंप्यूटर भाषा हिन्दी और का की के में है हैं से पर को यह वह नहीं"
    ),
    "russian": (
        "мы время люди мир жизнь день город страна экономика развитие культура история наука техника вопрос способ"
        " может должен потому поэтому однако если уже сейчас нужно важный среда здоровье больница школа университет"
        " образование исследование результат данные информация система сеть компьютер модель язык русский и в не на"
        " я что тот быть с он весь как это по но они к у который из за то же от так для вы"
    ),
}

WORDS: Mapping[str, Sequence[str]] = {language: words.split() for language, words in _SPACED.items()}
"""Language -> some of its words, frequent ones and those of schools, cities and science."""

JOINED: Mapping[str, str] = {"chinese": "", "japanese": "", "thai": ""}
"""What stands between words, where it is not a space."""

ENDS: Mapping[str, Sequence[str]] = {
    "chinese": ("。", "，", "？", "。\n", "、"),
    "japanese": ("。", "、", "。\n"),
    "thai": (" ", "\n"),
    "arabic": (". ", "، ", "؟ ", ".\n"),
    "hindi": ("। ", ", ", "।\n"),
}
"""What ends a sentence, where it is not a full stop."""

PROSE = tuple(word for word in WORDS["english"] if len(word) > 3)
"""Words for names and values in tables."""
