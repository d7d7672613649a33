"""What long answers are made of: subjects, and facts of each that can be put in several ways.

`{s}` is the subject, `{v}` what marks the fact: a number, a person or a thing that stands nowhere else in the answer.
Templates that are `held_out` are for final figures alone; nothing is tuned to them.
"""

from dataclasses import dataclass
from typing import Literal

Value = Literal["number", "person", "thing"]


@dataclass(frozen=True, slots=True)
class FactTemplate:
    """One kind of fact, and the ways to say it."""

    value: Value
    wordings: tuple[str, ...]
    label: str = ""
    """Of its column, where it stands in a table."""


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of answer: who it can be about, and what is said of each."""

    name: str
    intro: tuple[str, ...]
    subjects: tuple[str, ...]
    facts: tuple[FactTemplate, ...]
    things: tuple[str, ...]
    persons: tuple[str, ...]
    space: str = " "
    """Between sentences."""
    held_out: bool = False


def _n(*wordings: str, label: str = "") -> FactTemplate:
    return FactTemplate("number", wordings, label)


def _p(*wordings: str) -> FactTemplate:
    return FactTemplate("person", wordings)


def _t(*wordings: str) -> FactTemplate:
    return FactTemplate("thing", wordings)


_ENGLISH_PERSONS = (
    "Anna Meyer",
    "Tobias Lindqvist",
    "Ruth Okafor",
    "Samuel Pryce",
    "Ines Duarte",
    "Viktor Halloran",
    "Clara Nakamura",
    "Edmund Vasquez",
    "Leila Haddad",
    "Oscar Brandt",
    "Freya Sundaram",
    "Mikhail Tarasov",
    "Beatrix Conley",
    "Hugo Marchetti",
    "Nadia Ferreira",
    "Patrick Osei",
    "Greta Holloway",
    "Yusuf Demir",
    "Marta Kowalska",
    "Colin Abernathy",
)
_THINGS = (
    "basalt",
    "sturgeon",
    "lavender",
    "copper",
    "walnut",
    "heron",
    "sandstone",
    "barley",
    "amber",
    "otter",
    "granite",
    "saffron",
    "limestone",
    "beaver",
    "juniper",
    "marble",
    "salmon",
    "quartz",
    "hazel",
    "falcon",
)

RIVERS = Template(
    "rivers",
    (
        "Here is an overview of the rivers you asked about.",
        "The rivers of the region differ a lot from one another.",
    ),
    ("Lenta", "Orma", "Vessel Brook", "Tarn Water", "Silverrun"),
    (
        _n(
            "The {s} is {v} kilometres long.",
            "From source to mouth the {s} measures {v} km.",
            "Its length comes to {v} kilometres.",
            label="Length",
        ),
        _n(
            "It is crossed by {v} bridges.",
            "There are {v} bridges over the {s}.",
            "Altogether {v} bridges span it.",
            label="Bridges",
        ),
        _p(
            "The first map of it was drawn by {v}.",
            "{v} drew the earliest map of the {s}.",
            "Its first cartographer was {v}.",
        ),
        _n(
            "Its source lies {v} metres above the sea.",
            "The {s} rises at a height of {v} metres.",
            "It springs from a hillside {v} m up.",
            label="Source",
        ),
        _t(
            "The banks are known for their {v}.",
            "People come to the {s} for {v}.",
            "What the shores are famous for is {v}.",
        ),
        _n(
            "In spring it carries {v} cubic metres of water each second.",
            "The spring flow of the {s} reaches {v} cubic metres per second.",
            label="Flow",
        ),
        _n(
            "Around {v} people live along it.",
            "Some {v} inhabitants have settled on the banks of the {s}.",
            label="People",
        ),
    ),
    _THINGS,
    _ENGLISH_PERSONS,
)
SETTINGS = Template(
    "settings",
    (
        "These are the settings of the server and what they do.",
        "The following options matter most in practice.",
    ),
    ("worker pool", "disk cache", "audit log", "request queue", "session store"),
    (
        _n(
            "The {s} holds {v} entries by default.",
            "By default, {v} entries fit into the {s}.",
            "Out of the box it has room for {v} entries.",
            label="Entries",
        ),
        _n(
            "It gives up after {v} seconds without an answer.",
            "A timeout of {v} seconds applies to the {s}.",
            "When {v} seconds pass in silence, it stops waiting.",
            label="Timeout",
        ),
        _t(
            "Its internal code name is {v}.",
            "Developers refer to the {s} as {v}.",
            "In the source it is called {v}.",
        ),
        _p("The module is maintained by {v}.", "{v} looks after the {s}.", "Questions about it go to {v}."),
        _n(
            "Up to {v} megabytes of memory are used.",
            "The {s} never takes more than {v} MB of memory.",
            label="Memory",
        ),
        _n(
            "Every {v} minutes a cleaning run starts.",
            "Cleaning of the {s} happens each {v} minutes.",
            label="Cleaning",
        ),
    ),
    _THINGS,
    _ENGLISH_PERSONS,
)
STAEDTE = Template(
    "staedte",
    ("Hier ist ein Überblick über die Städte.", "Die Städte der Region unterscheiden sich deutlich."),
    ("Altenfurt", "Birkenau", "Königshain", "Mühlbach", "Rosenthal"),
    (
        _n(
            "In {s} leben {v} Menschen.",
            "Die Einwohnerzahl von {s} beträgt {v}.",
            "Rund um den Markt wohnen insgesamt {v} Leute.",
        ),
        _n(
            "Das Rathaus wurde im Jahr {v} gebaut.",
            "Seit {v} steht das Rathaus von {s}.",
            "Das Baujahr des Rathauses ist {v}.",
        ),
        _p(
            "Der bekannteste Bürger ist {v}.",
            "{v} stammt aus {s}.",
            "Aus der Stadt kommt die Familie von {v}.",
        ),
        _n(
            "Die Stadtmauer hat {v} Türme.",
            "Von {s} aus sieht man die {v} Türme der Mauer.",
            "Zur Befestigung gehören {v} Türme.",
        ),
        _t(
            "Gehandelt wird vor allem mit {v}.",
            "Wichtigste Ware in {s} ist {v}.",
            "Die Händler leben vom Verkauf von {v}.",
        ),
        _n("Der Bahnhof liegt {v} Meter über dem Meer.", "Auf {v} Metern Höhe liegt der Bahnhof von {s}."),
    ),
    (
        "Bernstein",
        "Hopfen",
        "Schiefer",
        "Leinen",
        "Honig",
        "Kupfer",
        "Zinn",
        "Lavendel",
        "Gerste",
        "Sandstein",
    ),
    (
        "Anna Meyer",
        "Tobias Lindner",
        "Ruth Ostermann",
        "Karl Weber",
        "Ines Falk",
        "Viktor Hahn",
        "Klara Neumann",
        "Emil Vogt",
    ),
)
CHENGSHI = Template(
    "chengshi",
    ("下面介绍这些城市的情况。", "这些城市各有特点。"),
    ("青河市", "白石镇", "云岭县", "东湖区"),
    (
        _n("{s}的人口是{v}万。", "住在{s}的居民有{v}万人。", "这里一共生活着{v}万人。"),
        _n("城墙建于{v}年。", "{s}的城墙是{v}年修建的。", "早在{v}年，人们就修好了城墙。"),
        _n("主要河流长{v}公里。", "流经{s}的河有{v}公里长。", "这条河全长{v}公里。"),
        _p("最有名的人物是{v}。", "{v}出生在{s}。", "当地人最敬重{v}。"),
        _t("特产是{v}。", "游客常买{s}的{v}。", "集市上卖得最好的是{v}。"),
        _n("这里有{v}座桥。", "{s}一共修了{v}座桥。"),
    ),
    ("茶叶", "丝绸", "陶瓷", "核桃", "蜂蜜", "竹笋", "石榴", "银器"),
    ("王建国", "李秀英", "张志强", "陈玉兰", "赵明德", "周海燕", "孙文博", "吴春梅"),
    space="",
)
COMPANIES = Template(
    "companies",
    ("Below is a short profile of each company.", "All of the firms in the survey answered our questions."),
    ("Harbour Tools", "Pinewood Foods", "Quill & Sons", "Nordlicht Optics", "Redstone Freight"),
    (
        _n(
            "{s} was founded in {v}.",
            "The founding year of {s} is {v}.",
            "Business began back in {v}.",
            label="Founded",
        ),
        _n(
            "It employs {v} people.",
            "The payroll of {s} lists {v} employees.",
            "A staff of {v} works there.",
            label="Staff",
        ),
        _p("The chief executive is {v}.", "{v} runs {s}.", "At the head of the firm stands {v}."),
        _n(
            "Last year it sold {v} units.",
            "{s} shipped {v} pieces over the past twelve months.",
            label="Units",
        ),
        _t(
            "Its best seller is made of {v}.",
            "Most of what {s} earns comes from {v}.",
            "Customers mainly ask for {v}.",
        ),
        _n(
            "The head office has {v} rooms.",
            "There are {v} rooms in the main building of {s}.",
            "Counting every floor, the headquarters offers {v} rooms.",
            label="Rooms",
        ),
        _n(
            "Shares were first offered at {v} dollars.",
            "An initial share of {s} cost {v} dollars.",
            label="Share",
        ),
    ),
    _THINGS,
    _ENGLISH_PERSONS,
)
RECIPES = Template(
    "recipes",
    ("Follow these preparations in the order given.", "The menu consists of several dishes."),
    ("walnut bread", "lentil stew", "pear tart", "onion soup", "rice pudding"),
    (
        _n(
            "Bake the {s} for {v} minutes.",
            "The {s} stays in the oven for {v} minutes.",
            "Give it {v} minutes of heat.",
            label="Minutes",
        ),
        _n("Weigh out {v} grams of flour first.", "For the {s} you need {v} grams of flour.", label="Flour"),
        _t(
            "A pinch of ground {v} goes in at the end.",
            "Season the {s} with {v}.",
            "What gives it its flavour is {v}.",
        ),
        _p(
            "The recipe was handed down by {v}.",
            "{v} invented this version of the {s}.",
            "We owe the idea to {v}.",
        ),
        _n("One portion has {v} calories.", "Each serving of {s} comes to {v} calories.", label="Calories"),
        _n("It keeps for {v} hours in the fridge.", "Eat the {s} within {v} hours.", label="Hours"),
    ),
    ("cardamom", "fennel", "nutmeg", "sumac", "thyme", "cumin", "paprika", "sesame", "ginger", "clove"),
    _ENGLISH_PERSONS,
)
MUSEEN = Template(
    "museen",
    ("Diese Museen lohnen einen Besuch.", "Zu jedem Haus folgen die wichtigsten Angaben."),
    ("Stadtmuseum", "Glasmuseum", "Seemuseum", "Uhrenmuseum"),
    (
        _n(
            "Das {s} zeigt {v} Objekte.",
            "Ausgestellt sind im {s} genau {v} Stücke.",
            "Die Sammlung umfasst {v} Exponate.",
        ),
        _n(
            "Im letzten Jahr kamen {v} Besucher.",
            "Das {s} zählte zuletzt {v} Gäste.",
            "{v} Menschen wollten die Ausstellung sehen.",
        ),
        _p("Geleitet wird es von {v}.", "{v} ist Direktorin im {s}.", "Die Leitung hat {v} übernommen."),
        _n(
            "Der Eintritt kostet {v} Kronen.",
            "Für {v} Kronen darf man in das {s}.",
            "Eine Karte gibt es für {v} Kronen.",
        ),
        _t(
            "Der älteste Raum ist mit {v} verkleidet.",
            "Berühmt ist das {s} für {v}.",
            "Besonders schön ist die Decke aus {v}.",
        ),
        _n("Das Gebäude hat {v} Fenster.", "Man zählt am {s} insgesamt {v} Fenster."),
    ),
    ("Eichenholz", "Marmor", "Seide", "Porzellan", "Elfenbein", "Messing", "Granit", "Silber"),
    (
        "Hanna Brück",
        "Jonas Kessler",
        "Lotte Steinbach",
        "Peter Adler",
        "Sofie Winkler",
        "Moritz Lang",
        "Elsa Roth",
    ),
)
ILES = Template(
    "iles",
    ("Voici un aperçu des îles de l'archipel.", "Chaque île possède son propre caractère."),
    ("Corvane", "Belmer", "Saint-Aubry", "Malroc"),
    (
        _n(
            "L'île de {s} compte {v} habitants.",
            "Environ {v} personnes vivent à {s}.",
            "On y recense {v} résidents.",
        ),
        _n(
            "Son phare mesure {v} mètres.",
            "Le phare de {s} s'élève à {v} mètres.",
            "La tour du phare atteint {v} mètres de haut.",
        ),
        _p("Le maire s'appelle {v}.", "{v} dirige la commune de {s}.", "La mairie est confiée à {v}."),
        _t(
            "On y cultive surtout {v}.",
            "La richesse de {s} vient de {v}.",
            "Le produit le plus connu reste {v}.",
        ),
        _n("Le port accueille {v} bateaux.", "Il y a {v} bateaux dans le port de {s}."),
        _n(
            "L'école fut ouverte en {v}.",
            "Depuis {v}, {s} possède une école.",
            "C'est en {v} que l'école a ouvert.",
        ),
    ),
    ("la lavande", "le safran", "la vigne", "le houblon", "la myrtille", "le tournesol", "la menthe"),
    ("Claire Fontanel", "Jules Armand", "Odile Berthier", "Marc Delorme", "Élise Garnier", "Paul Rivoire"),
)
JINJA = Template(
    "jinja",
    ("以下に各神社の概要をまとめます。", "それぞれの神社には特徴があります。"),
    ("白山神社", "青葉神社", "水守神社", "高嶺神社"),
    (
        _n("{s}の石段は{v}段あります。", "{s}へは{v}段の石段を登ります。", "参道の階段は全部で{v}段です。"),
        _n(
            "本殿は{v}年に建てられました。", "{s}の本殿ができたのは{v}年です。", "建立は{v}年とされています。"
        ),
        _p(
            "現在の宮司は{v}さんです。",
            "{v}さんが{s}の宮司を務めています。",
            "神社を守っているのは{v}さんです。",
        ),
        _t("境内では{v}が有名です。", "{s}の名物は{v}です。", "お土産には{v}がよく選ばれます。"),
        _n("祭りには{v}人が集まります。", "{s}の祭りの参加者は{v}人です。", "毎年{v}人ほどが祭りに来ます。"),
        _n("境内に{v}本の杉があります。", "{s}には杉が{v}本立っています。"),
    ),
    ("紅葉", "甘酒", "桜餅", "お守り", "風鈴", "絵馬"),
    ("佐藤健一", "鈴木花子", "高橋正雄", "田中恵子", "伊藤誠", "山本由美"),
    space="",
)

OBSERVATORIES = Template(
    "observatories",
    ("A few notes on the observatories follow.", "Here is what I know about each of the sites."),
    ("Mount Kessan", "Pico Verro", "Alder Ridge", "Dry Lake", "North Cairn"),
    (
        _n(
            "{s} stands {v} metres above sea level.",
            "At {v} metres, {s} is well above the clouds.",
            "The site lies {v} m up.",
            label="Height",
        ),
        _n(
            "The main mirror was cast in {v}.",
            "Since {v}, {s} has had its large mirror.",
            "Work on the mirror ended in {v}.",
            label="Mirror",
        ),
        _p("Its director is {v}.", "{v} is in charge of {s}.", "The person to write to is {v}."),
        _t(
            "Visitors remember the {v} on the hillside.",
            "Around {s} you will find {v}.",
            "What grows or lives nearby is {v}.",
        ),
        _n(
            "About {v} nights a year are clear.",
            "{s} counts {v} cloudless nights in a normal year.",
            label="Nights",
        ),
        _n(
            "The archive holds {v} plates.",
            "{v} photographic plates are kept at {s}.",
            "There are {v} plates in its cellar.",
            label="Plates",
        ),
        _n("A guided tour costs {v} crowns.", "For {v} crowns you can join a tour of {s}.", label="Tour"),
    ),
    _THINGS,
    _ENGLISH_PERSONS,
    held_out=True,
)
CHOIRS = Template(
    "choirs",
    ("The festival committee collected these facts.", "Every choir sent us a few lines about itself."),
    ("Larkspur Singers", "Harbour Voices", "Elm Street Choir", "Silver Bell Ensemble"),
    (
        _n(
            "The {s} have {v} members.",
            "{v} people sing with the {s}.",
            "Membership stands at {v}.",
            label="Members",
        ),
        _p(
            "Rehearsals are led by {v}.",
            "{v} conducts the {s}.",
            "Under the baton of {v} they meet every week.",
        ),
        _n(
            "They gave {v} concerts so far.",
            "So far, audiences heard the {s} {v} times.",
            "Their list of concerts has {v} entries.",
            label="Concerts",
        ),
        _t(
            "The programme booklet shows a picture of {v}.",
            "On the banner of the {s} there is {v}.",
            "Their emblem is {v}.",
        ),
        _n("In {v} the first record came out.", "The {s} released a first record in {v}.", label="Record"),
        _n("A ticket is sold for {v} shillings.", "You pay {v} shillings to hear the {s}.", label="Ticket"),
    ),
    _THINGS,
    _ENGLISH_PERSONS,
    held_out=True,
)
PUEBLOS = Template(
    "pueblos",
    ("Estos son los datos de cada pueblo.", "A continuación se resumen los pueblos de la sierra."),
    ("Valdeoro", "Montesil", "Fuenclara", "Robledal"),
    (
        _n(
            "En {s} viven {v} personas.",
            "La población de {s} es de {v} habitantes.",
            "El censo registra {v} vecinos.",
        ),
        _n("La iglesia se construyó en {v}.", "Desde {v}, {s} tiene iglesia.", "El templo data del año {v}."),
        _p("La alcaldesa es {v}.", "{v} gobierna {s}.", "Al frente del ayuntamiento está {v}."),
        _t("Se vende sobre todo {v}.", "La gente visita {s} por {v}.", "El producto típico es {v}."),
        _n("El mercado tiene {v} puestos.", "Hay {v} puestos en el mercado de {s}."),
        _n("La carretera mide {v} kilómetros.", "Para llegar a {s} se recorren {v} kilómetros."),
    ),
    ("miel", "queso", "azafrán", "cerámica", "aceite", "castañas", "cuero"),
    ("Lucía Ferrer", "Andrés Quiroga", "Pilar Montoya", "Ramón Iglesias", "Teresa Alba", "Julián Prado"),
    held_out=True,
)
OZERA = Template(
    "ozera",
    ("Ниже приведены сведения об озёрах.", "Коротко о каждом озере."),
    ("Светлояр", "Долгое", "Рябинное", "Каменец"),
    (
        _n(
            "Глубина озера {s} равна {v} метрам.",
            "Озеро {s} уходит вниз на {v} метров.",
            "До дна здесь {v} метров.",
        ),
        _n(
            "На берегу стоят {v} домов.",
            "Вокруг озера {s} построено {v} домов.",
            "Местные насчитали {v} домов.",
        ),
        _p("Карту составил {v}.", "{v} первым описал озеро {s}.", "Первым исследователем был {v}."),
        _t("Здесь водится {v}.", "В озере {s} ловят рыбу по имени {v}.", "Рыбаков привлекает {v}."),
        _n("Площадь составляет {v} гектаров.", "Озеро {s} занимает {v} гектаров."),
        _n("Заповедник открыли в {v} году.", "С {v} года озеро {s} охраняется."),
    ),
    ("щука", "сом", "окунь", "налим", "карась", "форель"),
    ("Иван Орлов", "Пётр Зимин", "Николай Лесков", "Сергей Дубов", "Алексей Ветров", "Фёдор Громов"),
    held_out=True,
)
SHUDIAN = Template(
    "shudian",
    ("这几家书店的资料如下。", "每家书店都有自己的故事。"),
    ("晨光书店", "山海书屋", "旧时光书坊", "南窗书局"),
    (
        _n("{s}有{v}种图书。", "书架上摆着{s}的{v}种书。", "店里出售的书共{v}种。"),
        _n("开业时间是{v}年。", "{s}从{v}年开始营业。", "它在{v}年开门迎客。"),
        _p("店主叫{v}。", "{v}经营着{s}。", "柜台后面常坐着{v}。"),
        _t("门口种着{v}。", "一走近{s}就能看到{v}。", "院子里最显眼的是{v}。"),
        _n("每月来客约{v}位。", "{s}每个月接待{v}位客人。"),
        _n("咖啡卖{v}元一杯。", "在{s}喝一杯咖啡要{v}元。"),
    ),
    ("桂花", "银杏", "海棠", "紫藤", "腊梅", "翠竹"),
    ("方晓东", "何静怡", "林佩珊", "郭子涵", "唐雨薇", "罗世杰"),
    space="",
    held_out=True,
)

TEMPLATES = (
    *(RIVERS, SETTINGS, STAEDTE, CHENGSHI, COMPANIES, RECIPES, MUSEEN, ILES, JINJA),
    *(OBSERVATORIES, CHOIRS, PUEBLOS, OZERA, SHUDIAN),
)
