"""Templates of long answers that are kept for final figures alone: nothing was tuned to them, or to answers like them.

They have other languages, sentences of other forms and other lengths than those in `long_answer_templates`.
"""

from guardian_cluster.simulation.long_answer_templates import FactTemplate, Template


def _n(*wordings: str, label: str = "") -> FactTemplate:
    return FactTemplate("number", wordings, label)


def _p(*wordings: str) -> FactTemplate:
    return FactTemplate("person", wordings)


def _t(*wordings: str) -> FactTemplate:
    return FactTemplate("thing", wordings)


_PERSONS = (
    "Harriet Quill",
    "Dmitri Volkonsky",
    "Amara Nwosu",
    "Julian Thorne",
    "Sigrid Aasen",
    "Rafael Monteiro",
    "Winifred Lane",
    "Kenji Murakami",
    "Olga Petrova",
    "Desmond Achebe",
    "Paulina Wirth",
    "Gareth Pugh",
)

LIGHTHOUSES = Template(
    "lighthouses",
    (
        "You asked about the lighthouses along this coast, so here is what the register says about them.",
        "Below, each light is described on its own; all figures come from the harbour office.",
    ),
    ("Skerry Point", "Old Gannet Light", "Cape Merrow", "Thornhead"),
    (
        _n(
            "The tower at {s}, which was rebuilt after a fire, rises {v} feet above the rocks.",
            "Measured from the rocks, the tower is {v} feet tall.",
            "A climb of {v} feet takes you to the lamp of {s}.",
            label="Feet",
        ),
        _n(
            "On a clear night its beam can be seen from {v} miles away, although fog often shortens that.",
            "Ships report seeing {s} from as far as {v} miles.",
            label="Miles",
        ),
        _p(
            'Its last keeper, {v}, wrote in the log: "We shall miss the gulls."',
            "When the station was automated, {v} handed over the keys.",
            "{v} kept the light until it was automated.",
        ),
        _n(
            "Since {v}, the lamp has been electric.",
            "Electricity came to {s} in {v}.",
            "It was in {v} that oil gave way to electricity.",
            label="Electric",
        ),
        _t(
            "The gift shop, if it is open, sells small boxes of {v}.",
            "People associate {s} with {v}, and for good reason.",
            "What most visitors take home is {v}.",
        ),
        _n("There are {v} steps inside.", "Inside, {v} steps wind upwards.", label="Steps"),
    ),
    ("driftwood", "seaglass", "fudge", "wool", "candles", "herring", "postcards", "rope", "honey"),
    _PERSONS,
)
LIBRARIES = Template(
    "libraries",
    (
        "Here's a short comparison of the packages (all of them are free to use).",
        "The packages below were compared on one machine; your numbers may differ.",
    ),
    ("fastmap", "TreeKit", "mini-queue", "JsonForge"),
    (
        _n(
            "With the default settings, `{s}` handles {v} operations per millisecond.",
            "In our test it managed {v} operations per millisecond.",
            label="Speed",
        ),
        _n(
            "Its source code consists of {v} lines, most of which are tests.",
            "Counting tests, {s} has {v} lines of code.",
            label="Lines",
        ),
        _p(
            "The maintainer, {v}, answers most issues within a day.",
            "It's maintained by {v}, who also wrote the first version.",
            "You'll usually hear back from {v} quickly.",
        ),
        _n("The first release dates from {v}.", "It has been around since {v}.", label="Since"),
        _n(
            "Memory use stays below {v} kilobytes, even under load.",
            "Even under load, {s} needs no more than {v} kilobytes.",
            label="Memory",
        ),
        _t("Its logo shows a stylised {v}.", "The project's mascot is a {v}."),
    ),
    ("badger", "rocket", "teapot", "compass", "lantern", "pelican", "acorn", "anvil"),
    _PERSONS,
)
BAHNHOEFE = Template(
    "bahnhoefe",
    (
        "Die folgenden Angaben stammen aus dem Jahresbericht der Bahn.",
        "Gerne, hier sind die Bahnhöfe im Überblick, jeweils mit den wichtigsten Zahlen.",
    ),
    ("Hauptbahnhof Lindau", "Bahnhof Erlenbruch", "Nordbahnhof", "Halt Wiesengrund"),
    (
        _n(
            "Täglich fahren am {s} rund {v} Züge ab.",
            "Rund {v} Züge verlassen den Bahnhof an einem Werktag.",
        ),
        _n(
            "Die Bahnsteige sind zusammen {v} Meter lang, wobei nicht alle überdacht sind.",
            "Zählt man alle Bahnsteige zusammen, kommt man auf {v} Meter.",
        ),
        _p(
            "Der Entwurf des Empfangsgebäudes stammt von {v}.",
            "{v} hat das Empfangsgebäude entworfen.",
        ),
        _n(
            "Eröffnet wurde er {v}, als die Strecke noch eingleisig war.",
            "Seit {v} halten hier Züge.",
        ),
        _t(
            "In der Halle hängt ein Wandbild, auf dem man {v} erkennt.",
            "Das Wandbild in der Halle zeigt {v}.",
        ),
        _n("Es gibt {v} Schließfächer.", "Für Gepäck stehen {v} Schließfächer bereit."),
    ),
    ("Kraniche", "Segelschiffe", "Weinreben", "Glasbläser", "Hirsche", "Mühlräder"),
    ("Friederike Tamm", "Konrad Uhl", "Mathilde Zorn", "Anselm Behr", "Ludwig Grasser", "Irmgard Vogt"),
)
PRAIAS = Template(
    "praias",
    (
        "Seguem as informações sobre as praias da região.",
        "Claro que cada praia é diferente, mas estes são os dados principais.",
    ),
    ("Praia do Farol", "Areia Branca", "Enseada Azul", "Ponta Verde"),
    (
        _n(
            "A faixa de areia da {s} tem {v} metros de extensão.",
            "São {v} metros de areia, de uma ponta à outra.",
        ),
        _n(
            "No verão, cerca de {v} banhistas chegam por dia.",
            "A {s} recebe {v} banhistas por dia no verão.",
        ),
        _p("O posto de salvamento é chefiado por {v}.", "Quem comanda os salva-vidas é {v}."),
        _t(
            "Nas barracas vende-se principalmente {v}.",
            "O que mais se come na {s} é {v}.",
        ),
        _n(
            "O estacionamento comporta {v} carros, mas costuma lotar cedo.",
            "Há lugar para {v} carros no estacionamento.",
        ),
        _n("Desde {v} a praia tem bandeira azul.", "A bandeira azul foi concedida em {v}."),
    ),
    ("tapioca", "camarão", "milho", "cocada", "pastel", "açaí"),
    ("Joana Prates", "Caetano Lima", "Bruno Sequeira", "Rosa Antunes", "Vasco Pinheiro", "Inês Calado"),
)
ZAMKI = Template(
    "zamki",
    ("Oto najważniejsze dane o zamkach.", "Każdy zamek opisano osobno."),
    ("Zamek Sokoli", "Warownia Czerska", "Zamek Biały", "Gródek"),
    (
        _n("Mury mają {v} metrów długości.", "Długość murów wynosi {v} metrów."),
        _n("Wieżę ukończono w {v} roku.", "W {v} roku ukończono wieżę."),
        _p("Kustoszem jest {v}.", "Zbiorami opiekuje się {v}."),
        _t("W piwnicach przechowuje się {v}.", "Turyści pytają o {v}."),
        _n("Rocznie przychodzi {v} turystów.", "Liczba turystów to {v} rocznie."),
    ),
    ("miód", "bursztyn", "wino", "zbroje", "monety", "księgi"),
    ("Jadwiga Nowak", "Stefan Wilk", "Halina Sroka", "Marek Dąb", "Ewa Jasna", "Tomasz Król"),
)
DOSEOGWAN = Template(
    "doseogwan",
    ("다음은 각 도서관의 자료입니다.", "도서관마다 특징이 다릅니다."),
    ("한빛도서관", "은하도서관", "솔숲도서관", "강변도서관"),
    (
        _n("{s}에는 책이 {v}권 있습니다.", "보유한 책은 모두 {v}권입니다."),
        _n("{s}은 {v}년에 문을 열었습니다.", "처음 문을 연 해는 {v}년입니다."),
        _p("관장은 {v} 씨입니다.", "{v} 씨가 {s}을 이끌고 있습니다."),
        _t("마당에는 {v} 나무가 있습니다.", "이용자들은 {v} 향기를 좋아합니다."),
        _n("하루에 {v}명이 찾아옵니다.", "{s}의 하루 이용자는 {v}명입니다."),
        _n("열람석은 {v}개입니다.", "앉을 자리가 {v}개 마련되어 있습니다."),
    ),
    ("매화", "모과", "단풍", "은행", "목련", "대추"),
    ("김민서", "박도윤", "이서연", "최하준", "정수빈", "강지호"),
)

HELD_OUT = (LIGHTHOUSES, LIBRARIES, BAHNHOEFE, PRAIAS, ZAMKI, DOSEOGWAN)
