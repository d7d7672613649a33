"""Words that tell little of where a text is from, because most texts have them.

The English ones are the commonest of 2,250 answers of a language model to people's instructions, with those that
assistants are told about themselves; of other languages only words that stand beside others.
"""

_ENGLISH = """
a about above access additionally after again against ai ain air all also an and any are aren around as at
based be because been before being below between both but by can cannot could couldn create data day did
didn different do does doesn doing don down during each energy every example experience find first for from
further get had has have help her here hers herself himself his how however human i if important improve in
including information into is isn it its itself just language learning let life light like love m make
making may me might model more most must my myself natural need new no nor not number of off on once one
only or other our ourselves out over overall own people personal please potential power provide reduce s
same set shall should shouldn small so social some specific such system t take technology than that the
their them themselves then there therefore these they this those through time to together too two under
until up us use used using various very was wasn water way we well weren what when where which while who
whom whose why will with without won work world would wouldn you your yours yourself
"""

_OTHERS = """
aan aber alla alle als anche auch auf aus aussi aux avec avoir bei bij bitte ces cette che com comme como
con cuando dans das dass dat degli dei del della delle dem den der des desde deze die diese dieser dieses
donde door dos dove durante durch een ein eine einem einen einer elle entre essere est esta estas este estos
está fait foi für geen gli haben han hasta hat hay hebben heeft het hun ihr ihre ils immer isso ist kan kann
keine kunnen können las les leur leurs los maar mais mas meer mehr met mit muito muy más même naar nach nel
nella nicht niet noch non nos notre nous nur não oder onder ont ook par para pas pela pelo per pero peut più
plus pode por pour puede può quando que questa questo qui quien sans sein ser seu sich sie sin sind sobre
son sono sont sowie sua suo sur sus são también também tiene todo todos tous tout très tutti uma una und une
uno unter van você von voor vos votre vous wenn werden wie wir wird worden wordt zijn zum zur être über
"""
"""German, French, Spanish, Italian, Portuguese and Dutch."""

_FAMILIAR = """
ability able accurate across action activities add advice allows along always am amount another answer
answers apologize ask asked asking assist assistant avoid b back beauty become best better body bright bring
business c called car care certain challenges change chatbot check city clear code colors come common
communication company complex computer concise conditions content context conversation creating current
customer customers deep depending describe design designed detailed details determine development due earth
easily efficient end ensure environment essential even events experiences explain factors family features
feel finally financial follow following food form found free fresh friendly friends full function future
generate give given global go goals good great group hand happy hard harmful he health healthy heart helpful
helps high history home identify illegal impact importance include increase increased individual individuals
industry input instead instruction instructions involves journey keep key know knowledge known large lead
learn leaves legal level list ll long look machine made many media medical message messages name nature
needs never next night note now numbers offer often online opinions order others output patterns perform
performance person personalized physical place polite positive possible preferences prevent print problem
process product products professional programming provides providing python quality question questions range
re real related relevant request requests research resources respond response responses result return right
safe see self sense service services share she significant skills sky software someone something sorry sound
start stay store strong sun support sweet systems takes taking task tasks text three times tone tools topic
total towards transportation travel trees true type ultimately understand understanding unfortunately unique
user users uses value values variable variety virtual want warm ways weather website were words x years
"""

COMMON = frozenset(_ENGLISH.split()) | frozenset(_OTHERS.split())
"""The English ones stand in one of 28 answers or more."""

FAMILIAR = frozenset(_FAMILIAR.split())
"""They stand in one of 55 answers or more, or are what instructions to an assistant are made of."""
