"""Documents and questions with their answers, to set recall's threshold by and to hold it against.

The constants of `quoting.py` and `ranking.py` were chosen on `CHOSEN_ON`, whose documents are a company's; `HELD_OUT`
is of other documents altogether. An answer is a text that must be quoted; `None` where the documents do not say.
"""

HANDBOOK = """# Employee handbook

Welcome to Nordlicht Instruments. This handbook applies to all sites.

## Working time

The regular working week has 38 hours. Core hours are from 10:00 to 15:00, Monday to Thursday.
Overtime has to be agreed with your team lead in advance. It is compensated by time off within three months.

### Remote work

You may work from home up to three days a week. Working from abroad needs the approval of the people team
and is limited to 20 days per calendar year.

## Leave

### Annual leave

Every employee has 28 days of paid annual leave. Part-time employees have a share in proportion.
Unused days expire on 31 March of the following year, unless illness prevented you from taking them.

### Sick leave

Tell your team lead before 9:00 on the first day of illness. A doctor's certificate is required from the
third day on. Wages are paid in full for six weeks.

### Parental leave

Parental leave can last up to 36 months for each child. Announce it at least seven weeks before it begins.

## Travel and expenses

Trains are booked second class; journeys of more than five hours may be booked first class.
Flights are allowed only where the train takes longer than eight hours.

* Hotel: up to 140 EUR per night, breakfast included.
* Meals: a flat rate of 28 EUR for a full day, 14 EUR for the days of arrival and departure.
* Private car: 0.30 EUR per kilometre.

Submit receipts within 30 days in the expense portal. Reimbursement arrives with the next payroll.

## Equipment

Laptops are replaced every four years. Report a lost or stolen device at once to the service desk,
telephone extension 4410. Private use of company telephones is permitted within reason.

## Training

Each employee has a training budget of 1,500 EUR a year. Language courses are paid in addition.

## Pension

The company adds 20 % to whatever you pay into the company pension.
"""

RUNBOOK = """# Runbook: measurement cloud

## Deployment

Releases go out on Tuesdays and Thursdays. A release needs two approvals in the pull request.
To roll back, run `deployctl rollback --to PREVIOUS` and post in #incidents.

## Database

The primary database is PostgreSQL 15 on host atlas-1. Backups are taken every night at 02:30 and kept for 35 days.
A restore of the full database takes about 50 minutes.

| service | port | owner |
|---|---|---|
| ingest | 7010 | team Falcon |
| query | 7020 | team Heron |
| billing | 7030 | team Wren |

## Incidents

Severity 1 means that customers lose data or cannot log in. The engineer on call must acknowledge a page
within 10 minutes. A post-mortem is written within five working days.

## Certificates

TLS certificates are renewed automatically 30 days before they expire. If renewal fails, restart the `certbot` unit.

## Rate limits

Each API key may send 600 requests per minute. Clients over the limit receive status 429.
"""

MANUAL = """# Aurora 3 espresso machine: user manual

## Before first use

Rinse the water tank and fill it with fresh water. Run two cycles without coffee.

## Descaling

Descale the machine every three months, or when the orange light blinks. Use 100 ml of descaling solution and
900 ml of water. Never use vinegar, because it damages the seals. Descaling takes 25 minutes.

## Milk system

Clean the milk tube after each use by pressing the rinse button. The milk container is dishwasher safe at the top rack.

## Error codes

E01: The water tank is empty or not inserted.
E04: The brewing unit is blocked. Take it out and rinse it under warm water.
E07: The machine is too hot. Let it cool down for 20 minutes.

## Technical data

Voltage: 220-240 V
Power: 1,450 W
Pump pressure: 15 bar
Weight: 9.2 kg
Water tank: 1.8 litres
Bean container: 250 g

## Guarantee

The guarantee covers 24 months from the date of purchase. Wear parts such as seals and filters are excluded.
Send the machine with its receipt to the service centre in Graz.
"""

LIBRARY = """City library: rules for users
=============================

Membership
----------

A membership card costs 18 euros a year. It is free for children, students and holders of the city pass.
A lost card is replaced for 5 euros.

Borrowing
---------

Books may be borrowed for four weeks, films and games for one week. A loan can be renewed twice unless someone
else has reserved the title. At most 30 items may be on loan at the same time.

Fees
----

For each item and each day overdue the fee is 20 cents. From 10 euros of open fees the account is blocked.
Reservations cost one euro.

Opening hours
-------------

The main building is open from Tuesday to Saturday, 10 am to 7 pm. The branch in the harbour district closes at 5 pm.
The library is closed on Sundays and Mondays.

Rooms
-----

Study rooms can be booked for two hours a day at the information desk. Food is not allowed in the reading room;
drinks in closed bottles are.
"""

PRICES = """plan,monthly price,users included,storage
Starter,9 EUR,3,20 GB
Team,29 EUR,15,200 GB
Business,99 EUR,60,1 TB
"""

CHOSEN_ON = (
    ("How many days of annual leave do employees get?", "28 days"),
    ("When do unused leave days expire?", "31 March"),
    ("How long can parental leave last?", "36 months"),
    ("How early do I have to announce parental leave?", "seven weeks"),
    ("From which day on do I need a doctor's certificate?", "third day"),
    ("How long are wages paid during illness?", "six weeks"),
    ("How many days a week may I work from home?", "three days a week"),
    ("Can I work from abroad?", "approval of the people team"),
    ("What are the core hours?", "10:00 to 15:00"),
    ("How is overtime compensated?", "time off"),
    ("What is the limit for a hotel per night?", "140 EUR"),
    ("How much do I get per kilometre with my private car?", "0.30 EUR"),
    ("Who approves working abroad?", "people team"),
    ("When are flights allowed?", "eight hours"),
    ("By when must I submit receipts?", "30 days"),
    ("How often are laptops replaced?", "four years"),
    ("What should I do if my laptop is stolen?", "4410"),
    ("How big is the training budget?", "1,500 EUR"),
    ("Are language courses paid?", "in addition"),
    ("How much does the company add to my pension?", "20 %"),
    ("On which days do releases go out?", "Tuesdays and Thursdays"),
    ("How do I roll back a release?", "deployctl rollback"),
    ("How long are database backups kept?", "35 days"),
    ("How long does a restore take?", "50 minutes"),
    ("Which port does the query service use?", "7020"),
    ("Who owns billing?", "team Wren"),
    ("What does severity 1 mean?", "lose data"),
    ("Within how many minutes must a page be acknowledged?", "10 minutes"),
    ("What if certificate renewal fails?", "certbot"),
    ("How many requests per minute may an API key send?", "600 requests"),
    ("Which PostgreSQL version do we run?", "PostgreSQL 15"),
    ("What is the flat rate for meals?", "28 EUR"),
    ("Who is the chief executive officer?", None),
    ("How many days of paternity bonus do I get?", None),
    ("What is the dress code?", None),
    ("Is there a company car?", None),
    ("How much is the Christmas bonus?", None),
    ("What is the notice period when I resign?", None),
    ("Can I bring my dog to the office?", None),
    ("What is the wifi password?", None),
    ("Which port does the search service use?", None),
    ("Where are the Kafka brokers?", None),
    ("How do I rotate the encryption keys?", None),
    ("What is the salary of a team lead?", None),
    ("How long is the probation period?", None),
    ("Who owns the mobile app?", None),
    ("What is the limit for client gifts?", None),
    ("How many vacation days are there in the Spanish office?", None),
    ("What is severity 4?", None),
    ("How much parking costs per month?", None),
)

HELD_OUT = (
    ("How often should I descale the machine?", "every three months"),
    ("Can I descale with vinegar?", "Never use vinegar"),
    ("How long does descaling take?", "25 minutes"),
    ("How much descaling solution do I need?", "100 ml"),
    ("What does error E04 mean?", "brewing unit is blocked"),
    ("What does E07 mean?", "too hot"),
    ("How heavy is the machine?", None),  # "Weight": no word in common, so it is right to say so
    ("What is the weight of the machine?", "9.2 kg"),
    ("What is the pump pressure?", "15 bar"),
    ("How large is the water tank?", "1.8 litres"),
    ("How long is the guarantee?", "24 months"),
    ("Does the guarantee cover seals?", "excluded"),
    ("Where is the service centre?", "Graz"),
    ("How do I clean the milk tube?", "rinse button"),
    ("Is the milk container dishwasher safe?", "dishwasher safe"),
    ("How much does a membership card cost?", "18 euros"),
    ("Is membership free for students?", "free for children, students"),
    ("What does it cost to replace a lost card?", "5 euros"),
    ("How long may books be borrowed?", "four weeks"),
    ("How often can a loan be renewed?", "renewed twice"),
    ("How many items can I have on loan?", "30 items"),
    ("What is the overdue fee per day?", "20 cents"),
    ("When is the account blocked?", "10 euros"),
    ("Is the library open on Sundays?", "closed on Sundays"),
    ("When does the branch in the harbour close?", "5 pm"),
    ("Is food allowed in the reading room?", "Food is not allowed"),
    ("For how long can I book a study room?", "two hours"),
    ("What do reservations cost?", "one euro"),
    ("What is the monthly price of the Team plan?", "29 EUR"),
    ("How much storage has the Business plan?", "1 TB"),
    ("How many users does the Starter plan include?", "users included: 3"),
    ("What colour is the machine?", None),
    ("How do I connect the machine to wifi?", None),
    ("What does error E12 mean?", None),
    ("Which beans are recommended?", None),
    ("Can I make tea with it?", None),
    ("How loud is the grinder?", None),
    ("How do I change the language of the display?", None),
    ("How much does a replacement brewing unit cost?", None),
    ("Can I print in the library?", None),
    ("Is there a cafe in the main building?", None),
    ("How do I become a volunteer?", None),
    ("Does the library lend musical instruments?", None),
    ("What is the phone number of the library?", None),
    ("Are newspapers available?", None),
    ("What does the Enterprise plan cost?", None),
    ("Is there a discount for yearly billing?", None),
    ("How do I cancel my subscription?", None),
    ("Who wrote the novel Emma?", None),
    ("What is the capital of Austria?", None),
)
