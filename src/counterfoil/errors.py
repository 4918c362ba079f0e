"""Every way in which counterfoil says no, as data.

::

    CounterfoilError
    ├── ContractError        the contract cannot be read, or contradicts itself      CONTRACT-  exit 2
    ├── DataError            the data do not fit the study's or contract's form      DATA-      exit 2
    ├── IdentificationError  the data cannot answer the question                     IDENT-     exit 1
    ├── EstimationError      no sound number came out                                EST-       exit 1
    ├── AttributionError     the gain cannot be divided as asked                     ATTR-      exit 1
    └── PaymentError         the division cannot be turned into money                PAY-       exit 1

Each is also a ``ValueError``, the builtin that a Python user would catch. An error carries all problems of its phase.
A problem names columns, rules, counts and row numbers; it never holds the value of a personal record.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

LISTED: Final = 10
"""How many problems a message lists before it counts the rest."""


@dataclass(frozen=True, slots=True)
class Code:
    """One entry of the error table: what is wrong, why it matters, how to mend it."""

    title: str
    meaning: str
    fix: str


CODES: Final[dict[str, Code]] = {
    "CONTRACT-001": Code(
        "file cannot be read",
        "The contract file does not exist, is not a file, or is not UTF-8 text.",
        "check the path; `counterfoil init` writes a commented contract to start from",
    ),
    "CONTRACT-002": Code(
        "not valid YAML",
        "The text breaks the rules of YAML, so nothing in it can be trusted.",
        "look at the line named; indentation, a missing colon or an unclosed quote are the usual causes",
    ),
    "CONTRACT-003": Code(
        "duplicate key",
        "The same key stands twice in one section. YAML readers usually let the last one win silently.",
        "keep one of the two",
    ),
    "CONTRACT-004": Code(
        "unknown key",
        "The contract language has no such term here. An unread term could be a term that a party relies on.",
        "correct the spelling or remove the key; `counterfoil schema` lists every key",
    ),
    "CONTRACT-005": Code("missing key", "A term that settlement needs is absent.", "add the key"),
    "CONTRACT-006": Code(
        "wrong type",
        "The value is not of the kind that the key takes, such as a word where a number belongs.",
        "write a value of the kind named",
    ),
    "CONTRACT-007": Code(
        "value not allowed",
        "The value is of the right kind but outside what the key allows.",
        "use a value that the message allows",
    ),
    "CONTRACT-008": Code(
        "YAML feature not allowed",
        "Anchors, aliases, tags, merge keys and several documents in one file hide what was agreed.",
        "write the terms out",
    ),
    "CONTRACT-009": Code(
        "unknown contract version",
        "`counterfoil:` states the version of the contract language; this program reads version 1.",
        "write `counterfoil: 1`, or install the program that reads the version stated",
    ),
    "CONTRACT-010": Code(
        "name refers to nothing",
        "A clause names a party, period, quantity, effect or payment that the contract does not define.",
        "define it in its section (a payment is called by the `name:` of its clause), or correct the name",
    ),
    "CONTRACT-011": Code(
        "negative amount",
        "Prices, caps and carve-outs are never negative; a sign error would reverse who pays whom.",
        "write a positive amount; the direction of benefit is stated by `better:`",
    ),
    "CONTRACT-012": Code(
        "too many decimals",
        "The amount is finer than the smallest unit of the currency, so it cannot be paid as written.",
        "write as many decimals as the currency has",
    ),
    "CONTRACT-013": Code(
        "unknown currency", "The currency is no ISO 4217 code.", "write a code such as USD, EUR or GBP"
    ),
    "CONTRACT-014": Code(
        "rule cannot be paid on",
        "The credits of this attribution rule do not sum to the gain, so paying on it would pay too much or too little.",
        "choose shapley, owen, equal_split or another rule that sums to the gain; others can be reported beside the payment",
    ),
    "CONTRACT-015": Code(
        "nobody to pay",
        "The clause does not say who receives the money, and it does not follow from the rest.",
        "give the effect a `split:`, or the clause a `to:`",
    ),
    "CONTRACT-016": Code(
        "terms contradict each other",
        "Two terms cannot both hold.",
        "change one of the two",
    ),
    "CONTRACT-017": Code(
        "payment for people not served",
        "The effect asks what services would be worth to everybody; paying on it pays for people who were not served.",
        "use `scope: served`, or agree to it by writing `people: everyone` in the clause",
    ),
    "CONTRACT-018": Code(
        "nobody pays",
        "The contract names no outcome payer, or several without saying which one pays this clause.",
        "give one party `role: outcome_payer`, or name the payer in the clause with `payer:`",
    ),
    "CONTRACT-019": Code(
        "two kinds of credit in one settlement",
        "Credit that includes referrals and credit for the services as people had them give the same provider different "
        "amounts; a settlement that uses both lets nobody compare what two providers are paid.",
        "divide every effect with kind sequential_contribution, or none",
    ),
    "CONTRACT-021": Code(
        "no covariance between effects",
        "The error of a blend, an index or a pool depends on how its parts vary together. Parts on the same people tell that; "
        "published ones, and parts that share nobody, do not, and no figure can be assumed for them.",
        "write `independent: true` if the parts share no people and no chance, or `correlation:` with the one agreed",
    ),
    "CONTRACT-022": Code(
        "effects that cannot be averaged",
        "A blend and a pool average effects on one outcome, in one unit; a mean of different outcomes has no unit.",
        "use `index:`, which sets each effect against its own target; name the same outcome; or, in a blend, write `alike: true` where "
        "outcomes of different names are one quantity in one unit",
    ),
    "CONTRACT-020": Code(
        "terms refer to each other in a circle",
        "A quantity or effect is made of others, and one of those is made of it; none of them can be computed first.",
        "change one of the terms named so that it no longer refers back",
    ),
    "CONTRACT-023": Code(
        "amount names a currency",
        "A contract has one currency, stated once under `currency:`; an amount that names one could be another.",
        "write the amount alone, such as 40.00, in the contract's currency",
    ),
    "CONTRACT-024": Code(
        "assumptions do not fit",
        "The file of assumptions names what the contract does not have, or its parts do not go together.",
        "correct the name; give every effect one true value, or lists of one length, or one value in each scenario",
    ),
    "CONTRACT-025": Code(
        "assumption missing",
        "Something that payment depends on is neither assumed nor follows from what is, and nothing is made up for it.",
        "add to the assumptions what the message names",
    ),
    "CONTRACT-026": Code(
        "causal graph does not hold together",
        "The declared graph goes round in a circle, lacks the programme or the outcome, names what the study does not have, or "
        "says that a negative control is moved by what it is to test.",
        "correct the name or the arrow that the message shows, or list what nobody recorded under `unobserved:`",
    ),
    "CONTRACT-027": Code(
        "specifications do not fit",
        "The file of specifications varies what the contract does not have or must not vary, or two of its parts vary the same term.",
        "correct the name; vary each term in one place, and the outcome in none: another outcome is another question",
    ),
    "CONTRACT-028": Code(
        "too many specifications",
        "Everything that is declared is combined with everything else, and that is more than are run in one curve.",
        "declare fewer alternatives, or split them into several files and run each",
    ),
    "CONTRACT-029": Code(
        "curve of something else",
        "A specification curve stands in the report of an evaluation only where both are of the same contract and the same files.",
        "run the curve on the contract and the study that were evaluated",
    ),
    "DATA-001": Code(
        "path does not exist",
        "The study folder or one of its tables is not where it was looked for.",
        "check the path; a study folder holds people.csv and, as needed, services.csv, outcomes.csv, claims.csv, measures.csv, indicators.csv",
    ),
    "DATA-002": Code(
        "table cannot be parsed",
        "The file is not a UTF-8 comma-separated table with one header line and equally long rows.",
        "export it again as CSV (UTF-8, comma, quotes around text that holds commas)",
    ),
    "DATA-003": Code("table is empty", "The table has a header at most, and no row.", "export the rows"),
    "DATA-004": Code(
        "column is missing",
        "A column that the study or the contract needs is not in the table.",
        "rename the column in the file, or correct the name in the contract",
    ),
    "DATA-005": Code(
        "person ids are not unique",
        "The people table has one row a person; a repeated id would count somebody twice.",
        "remove the repeated rows; repeated services or outcomes belong in their own tables",
    ),
    "DATA-006": Code(
        "person unknown",
        "Services, outcomes or claims name somebody who is not in the people table.",
        "add the people, or remove the rows",
    ),
    "DATA-007": Code(
        "value of the wrong type",
        "A column that must hold numbers or dates holds something else.",
        "write numbers with a decimal point and no thousands separator, dates as YYYY-MM-DD",
    ),
    "DATA-008": Code(
        "outcome missing or infinite",
        "An outcome is blank, NaN or infinite. Leaving such people out silently would change the answer.",
        "complete the outcome, or declare `missing: drop` in the estimator, which counts whom it leaves out",
    ),
    "DATA-009": Code(
        "service dates do not fit",
        "A service lies outside the study window, or ends before it starts.",
        "correct the dates, or the window in datapackage.json",
    ),
    "DATA-010": Code(
        "provider unknown",
        "The services name a provider that is no party to the contract.",
        "add it under `parties:` (role provider, backbone or other), or correct the name in services.csv",
    ),
    "DATA-011": Code(
        "description does not fit the folder",
        "datapackage.json cannot be read, or names files or digests that do not match the folder.",
        "correct datapackage.json, or restore the file that it describes",
    ),
    "DATA-012": Code(
        "outcome rows do not fit the people",
        "A person has no row, or more than one row, of this outcome and period.",
        "give each person exactly one row per outcome and period; with `missing: drop` people without a row are left out",
    ),
    "DATA-013": Code(
        "assignment is not 0 or 1",
        "The arm of the lottery must be 0 (control) or 1 (assigned) for everybody.",
        "recode the column to 0 and 1; of a lottery with several arms, name the control under `control:`",
    ),
    "DATA-014": Code(
        "value missing in a column that is used",
        "A person id, provider, cluster, block, dose or covariate is blank or not finite.",
        "complete the column, leave it out of the contract, or declare `missing: drop` in the estimator",
    ),
    "DATA-015": Code(
        "outcome unknown", "The study holds no such outcome.", "correct the name, or add the outcome's rows"
    ),
    "DATA-016": Code(
        "exposure is neither 0 nor 1",
        "A provider column holds fractions or other numbers, so it does not say who was served.",
        "give 0 or 1, and put amounts of service into a dose column",
    ),
    "DATA-017": Code(
        "dose does not fit",
        "A dose is negative or infinite, or nobody's doses are recorded although the rule divides by dose.",
        "give a dose of zero or more for every service",
    ),
    "DATA-018": Code("no such example", "The package has no example of that name.", "choose one of the names listed"),
    "DATA-019": Code(
        "table is absent",
        "The question needs a table that the study does not have.",
        "add the table to the study folder",
    ),
    "DATA-020": Code(
        "file is in the way",
        "The command would overwrite a file, so it wrote nothing.",
        "name an empty folder, or move the file",
    ),
    "DATA-021": Code("column stands twice", "Two columns of the table have the same name.", "rename or remove one"),
    "DATA-022": Code(
        "several to choose from",
        "The study has several outcomes or periods and the question names none.",
        "name the outcome, and the period where there are several",
    ),
    "DATA-023": Code(
        "weights are not positive",
        "An observation weight is zero, negative, blank or infinite.",
        "give every person a positive weight, or leave the people out and say so with `missing: drop`",
    ),
    "DATA-024": Code(
        "service stands twice",
        "Two rows of the services table are the same in every column; counted twice, a dose would double.",
        "remove the repeated rows, or add a column (a date, a number) that tells the services apart",
    ),
    "DATA-025": Code(
        "claim stands twice",
        "Two rows of the claims table have the same claim id; one of them could be paid a second time.",
        "remove the repeated row, or give each claim an id of its own",
    ),
    "DATA-026": Code(
        "quantity cannot be counted",
        "A claim's quantity is blank, negative, too large or too fine, so that it cannot be added up exactly.",
        "write a plain number such as 31 or 0.5 for every claim, or leave the column out where each claim counts one",
    ),
    "DATA-027": Code(
        "date is needed",
        "A claim, service or period has no date, and what the contract counts depends on when things happened.",
        "add the dates, or count without periods, windows and other terms of time",
    ),
    "DATA-028": Code(
        "reported number does not fit the contract",
        "A number in the file of reported values names something that the contract does not have, or stands twice.",
        "correct the name, or the contract",
    ),
    "DATA-029": Code(
        "not reported yet",
        "An effect or a quantity that the contract pays for is not known, so the clauses that need it pay nothing yet.",
        "report it once it is known; an interim settlement may stand without it",
    ),
    "DATA-030": Code(
        "a study is needed",
        "An effect is measured, or a quantity counted, on people's records, and there is no study.",
        "name the study folder, or make the effect `kind: published` and the quantity `kind: reported`",
    ),
    "DATA-031": Code(
        "column changes over time",
        "A column that stands for a unit as a whole has different values in its periods.",
        "use a column that is fixed before the first period, or name it where values that change are asked for",
    ),
    "DATA-032": Code(
        "order of periods not known",
        "Periods are named by words whose order nobody can tell, or a period is named that the data do not have.",
        "write periods as numbers, years, quarters (2024-Q1), months (2024-01) or dates, or list them in order",
    ),
    "DATA-033": Code(
        "not measured in every period",
        "Some units have no row in some periods. Designs over time use the rows that there are; who is missing when may not be "
        "chance.",
        "complete the rows, or say in the report why they are missing",
    ),
    "IDENT-001": Code(
        "an arm is empty",
        "With nobody assigned, or nobody in control, there is no comparison.",
        "check the assignment column; an effect needs people in both arms",
    ),
    "IDENT-002": Code(
        "a pattern that is needed was observed for nobody",
        "The rule compares people with combinations of providers that nobody in the study had.",
        "choose a model with fewer interactions (pairwise, additive) or a rule that asks for less (equal_split)",
    ),
    "IDENT-003": Code(
        "providers cannot be told apart",
        "The rosters of some providers overlap so completely that the model cannot separate their credits.",
        "credit them together (`together: [[a, b]]` or `aliases: joint`) and agree on a split inside the group",
    ),
    "IDENT-004": Code(
        "nobody is left to compare with",
        "Every person was served, so nothing shows what would have happened without services.",
        "add a comparison group; a backbone that reaches everybody is `role: backbone`, paid by carve-out",
    ),
    "IDENT-005": Code(
        "a provider served nobody",
        "There is no case from which its credit could be learnt.",
        "remove the provider from the question, or complete the services table",
    ),
    "IDENT-006": Code(
        "too few clusters",
        "Standard errors by cluster need at least two clusters, and an assignment that varies over them.",
        "name a finer cluster column, leave it out if people were assigned one by one, or compare one group with several by "
        "`kind: cluster_means`",
    ),
    "IDENT-007": Code(
        "a block does not hold both arms",
        "Inside that block nobody can be compared, so the block says nothing about the effect.",
        "merge blocks, or leave the block's people out and say so",
    ),
    "IDENT-008": Code(
        "an interaction rests on too few people",
        "A pair of providers shares too few people to estimate how they act together; its joint effect is shrunk to none.",
        "read the credits of the two as nearly additive in their shared cases, or lower `min_pair`",
    ),
    "IDENT-009": Code(
        "the model extrapolates",
        "The rule compares with combinations of providers that nobody had; the model's shape fills them in.",
        "use the saturated model to see which combinations are missing",
    ),
    "IDENT-010": Code(
        "gains are over the backbone only",
        "Somebody served everybody, so nothing is seen of what would have happened without; see the backbone sensitivity.",
        "pay the backbone by carve-out, or stage its launch",
    ),
    "IDENT-011": Code(
        "providers are credited together",
        "The rosters do not tell these providers apart, so only what they did together is known.",
        "agree on a split inside the group; the ledger shows it as joint",
    ),
    "IDENT-012": Code(
        "shape rejected",
        "What was observed contradicts the declared shape (such as monotone: no provider makes the outcome worse), by more "
        "than chance allows. Bounds under a shape that does not hold would be wrong.",
        "drop the shape and state the outcome's range, or read the credits that the data identify without it",
    ),
    "IDENT-013": Code(
        "credits cannot be bounded",
        "The rule looks at each person's doses or dates, which bounds have none of; or nothing limits the mean outcome of a "
        "combination that nobody had.",
        "use a rule without doses and dates, and state the outcome's range",
    ),
    "IDENT-014": Code(
        "shape holds only within chance",
        "Some observed means contradict the declared shape, by no more than chance allows; the shape was asked for up to "
        "the smallest slack that fits them, which widens the bounds.",
        "read the bounds with care, or drop the shape",
    ),
    "IDENT-015": Code(
        "a policy leads where nobody was",
        "Cutting services stage after stage leads people to a combination that, with a past like theirs, nobody had; or "
        "too few had it for the model to tell what it leads to.",
        "choose a model with fewer interactions (pairwise, additive), fewer covariates, or join providers or stages; a "
        "provider that reaches everybody is `role: backbone`",
    ),
    "IDENT-016": Code(
        "strong parallel trends are assumed",
        "The credits compare people with people of the same cohort who had fewer providers, and take the change of the "
        "second as what the first would have seen with those providers. Earlier trends are trends without any provider, "
        "so no test of them can support or refute this.",
        "state the assumption beside the credits; a rule that looks at rosters only (equal_split, dose_split, plurality, "
        "fixed) does without it",
    ),
    "IDENT-017": Code(
        "no period before the services",
        "A change over time needs an outcome from before a person's first service, and a test of earlier trends needs one "
        "more.",
        "add an earlier period, or leave the people out and say so with `missing: drop`",
    ),
    "IDENT-018": Code(
        "a backbone does not reach everybody",
        "A backbone is no player because nobody was without it; this one left people out, so its effect can be estimated.",
        "name it among the providers, or check the services table",
    ),
    "IDENT-026": Code(
        "effect absorbed",
        "A treatment, or an effect at one event time, is a combination of the fixed effects and controls, so that no data "
        "could tell it from them: a treatment that never changes over time, one that begins for everybody at once, or all "
        "event times without anybody who is never treated.",
        "compare with units that are not treated then; leave the effect or the control out; or bin the ends of the event "
        "study with `earliest` and `latest`",
    ),
    "IDENT-027": Code(
        "empty cell of the comparison",
        "A difference in differences compares two groups before and after, and one of the cells holds no row.",
        "check `group` and `after`, and that both groups were measured on both sides of it",
    ),
    "IDENT-028": Code(
        "fixed effects not told apart",
        "So many levels of fixed effects hang together by so few rows that they were not solved to the stated precision.",
        "use coarser fixed effects, or leave out levels that share almost no unit with others",
    ),
    "IDENT-034": Code(
        "no donors",
        "A comparison is made of places that are never treated; there is none, or a place named as donor is itself treated.",
        "name donors that the programme never reached, or use a design that needs none",
    ),
    "IDENT-035": Code(
        "no usable history",
        "What would have happened is told from the periods before treatment. There are none or too few, or some are missing "
        "in between.",
        "add earlier periods, complete the series, or use a design that needs fewer",
    ),
    "IDENT-036": Code(
        "this comparison has no such inference",
        "Jackknife and bootstrap need several treated places, placebos more donors than treated places, and conformal "
        "inference one beginning of treatment and a method that treats all periods alike.",
        "use `inference: placebo`, which tests against the donors and needs one treated place",
    ),
    "IDENT-038": Code(
        "nobody has a partner",
        "Matching found nobody of the other group who is near enough, within the caliper and equal in the exact columns.",
        "widen the caliper or match exactly on fewer columns, before outcomes are read; if that changes nothing, the groups cannot "
        "be compared",
    ),
    "IDENT-040": Code(
        "no overlap",
        "Some people are in a group in which, as the model of chances has it, people like them never are, so that nobody can "
        "stand for them.",
        "use fewer covariates or a smoother model of chances (`score: logit`), or declare `floor` or `trim` before outcomes are read",
    ),
    "IDENT-029": Code(
        "nobody to compare treated units with",
        "Without units that are never treated, or not treated yet, nothing says what treated units would have seen.",
        "compare with units that are not treated yet (`comparison: not_yet`), or add units or earlier periods",
    ),
    "IDENT-030": Code(
        "always treated",
        "Some units were treated in the first period or before, so that no change of theirs begins without treatment.",
        "add earlier periods if there are any; otherwise the effect is of those who joined later",
    ),
    "IDENT-031": Code(
        "cells without a comparison",
        "In some periods of some cohorts there is nobody to compare with, so that the average is over the others.",
        "read which cohorts and periods the effect is of; add units that are treated later, or never",
    ),
    "IDENT-032": Code(
        "gaps in time",
        "Some periods between the first and the last were not measured, so that changes span different lengths of time.",
        "add the missing periods, or read changes over a gap as what they are",
    ),
    "IDENT-037": Code(
        "treatment ends",
        "Some units stop being treated, and difference-in-differences by cohort compares what happens after treatment began.",
        "define treatment as having ever begun, if its effect lasts; or leave those units out, and say so",
    ),
    "IDENT-039": Code(
        "no weights balance the covariates",
        "A weighted mean lies within the range of what is weighted. The target's means lie outside of it, in one covariate or in "
        "several together, so that no positive weights reach them.",
        "leave out or coarsen the covariates that the message names, or leave out people whom nobody is like (`trim`)",
    ),
    "IDENT-033": Code(
        "violations of parallel trends cannot be counted",
        "How far trends may differ is counted from period to period, around the last period before anybody could react. "
        "An event study whose earlier effects have no common reference there, or that has gaps, does not show that.",
        "estimate the event study with that period as its reference (a universal base), with an effect for every period",
    ),
    "IDENT-021": Code(
        "the term is not determined",
        "The term is a combination of other columns of the regression, or becomes one once a single cluster is left out, "
        "so the data hold no value for it.",
        "leave out the columns that stand in for it, or use a method that leaves no cluster out",
    ),
    "IDENT-022": Code(
        "these clusters cannot be compared as wholes",
        "Means of clusters are compared where each cluster is in one arm and there are three or more; a single cluster in "
        "an arm shows no spread of its own, and some methods need many untreated ones.",
        "choose a method that the number of clusters allows, or compare more of them",
    ),
    "IDENT-019": Code(
        "no such arm",
        "The arm, or the control, that is named is none of the arms that people were assigned to; or several arms are "
        "measured where one gain is asked for.",
        "name the arm as the assignment column writes it, or `arm: any` for all but the control as one",
    ),
    "IDENT-020": Code(
        "a pair is not complete",
        "Matched pairs are compared pair by pair, so each needs one person (or cluster, where clusters were drawn) in "
        "either arm.",
        "complete the pairs, leave out broken ones with `missing: drop`, or name the groups as `blocks`",
    ),
    "IDENT-023": Code(
        "no first stage",
        "The instrument moves nobody: it is constant, a combination of covariates and groups, or unrelated to the treatment "
        "received, so it shows nothing of the effect of the treatment.",
        "check the columns; the effect of assignment (`kind: experiment`) needs no first stage",
    ),
    "IDENT-024": Code(
        "people moved are estimated",
        "The effect is of those whom the instrument moved. Nobody knows who they are where some took part without being "
        "assigned, where what was received is an amount, or where nobody was assigned; their number is estimated or supposed.",
        "read the number with its reason, or pay on the effect of assignment (`kind: experiment`), which counts people assigned",
    ),
    "IDENT-025": Code(
        "everybody did as assigned",
        "The instrument and the treatment received are the same, so the effect on those moved is the effect of assignment.",
        "nothing needs to be done; `kind: experiment` gives the same effect",
    ),
    "IDENT-041": Code(
        "not identified by the declared graph",
        "As the parties see causes, what the design adjusts for does not separate the effect from other reasons for the same "
        "difference: a path stays open, or is opened by what is adjusted for.",
        "adjust for what the message names and for nothing that the programme moves; else use a lottery or an instrument, or pay "
        "on something else",
    ),
    "EST-001": Code(
        "error type undefined for these data",
        "A single person alone determines a part of the estimate (an arm, block or pattern of one), so that no robust "
        "error sees how uncertain that part is; or the design has no such error type.",
        "merge small blocks or patterns, use a smaller model or fewer covariates, or agree to `vcov: classical`",
    ),
    "EST-002": Code(
        "propensity model has no solution",
        "Some covariate tells for certain who was served by whom, or who has an outcome, or the fit did not converge.",
        "use fewer covariates or coarser ones, or match on covariates instead of chances; credits of providers can also come from a "
        "model without propensity (additive, pairwise)",
    ),
    "EST-003": Code(
        "more parameters than people",
        "The model has as many parameters as there are people, or more.",
        "use fewer covariates or a smaller model",
    ),
    "EST-004": Code(
        "weak overlap",
        "Some people had hardly anybody like them in the group, or with the combination of providers, that they are compared "
        "with, so that a few stand for many, or a model stands in for them. The message says how many, and what became of their "
        "weights.",
        "read the result with care: look at the covariates of the people concerned, use fewer or coarser ones, or agree before "
        "outcomes are read on leaving these people out",
    ),
    "EST-005": Code(
        "column carries no information",
        "The column is constant, or a combination of other columns, and was left out of the model.",
        "nothing needs to be done; the effect is the same without it",
    ),
    "EST-006": Code(
        "weak model of who was served",
        "No covariates are named although patterns were not randomized, so people are compared as they come.",
        "name the covariates that decided who was served by whom",
    ),
    "EST-007": Code(
        "people were left out",
        "Some people lacked an outcome or a column that is used, and the contract says to leave such people out.",
        "complete the data if you can: leaving people out is harmless only if they are like the others",
    ),
    "EST-008": Code(
        "estimates cannot be joined",
        "A joint covariance needs the same people by the same ids, influence values, one target, and nested clusters.",
        "estimate both on the same study, with the same target and clusters",
    ),
    "EST-009": Code(
        "no gain by group",
        "A group's gain needs a column that the estimator adjusts for, and groups that are large enough to be shown.",
        "add the column to `covariates`, or use wider groups",
    ),
    "EST-010": Code(
        "credits cannot be shrunk",
        "Shrinkage learns from how providers differ, and restores their total. It needs at least three providers whose "
        "effects are uncertain, a spread between them that settles, and a rule whose credits sum to the gain.",
        "agree to raw credits, or choose shapley or another rule that sums to the gain",
    ),
    "EST-011": Code(
        "too many players in stages",
        "Credit that includes referrals fits a policy for every coalition of providers, and allows eight providers.",
        "name providers under common control as one, or ask only about the providers whose split is agreed on",
    ),
    "EST-012": Code(
        "learner cannot be written",
        "A scikit-learn object was given in Python. It has no form that the other party could read, check or rerun.",
        "name a learner of the list with its `params`: `{name: gradient_boosting, params: {max_iter: 200}}`",
    ),
    "EST-013": Code(
        "nuisances cannot be cross-fitted",
        "Each fold's people are predicted from the others; a pattern, the clusters or the learner do not allow it.",
        "use fewer folds or larger patterns, a model that needs no propensity (pairwise, additive), or another learner",
    ),
    "EST-014": Code(
        "the placebo cannot fail",
        "A placebo that is the outcome itself, or a shuffle that leaves everybody's providers as they were, passes or fails "
        "whatever the data are like.",
        "name an outcome or period from before the services, or shuffle within groups whose people differ in providers",
    ),
    "EST-015": Code(
        "nothing to compare with",
        "The diagnostic divides by something that is zero here: an error, a residual, or the spread of a covariate.",
        "leave out what is constant or known without error, or use a smaller model",
    ),
    "EST-016": Code(
        "missing outcomes are weighted",
        "Some people have no outcome; those like them, with the same providers, count for them (missing at random).",
        "complete the data if you can: the assumption cannot be tested",
    ),
    "EST-017": Code(
        "nothing to be contaminated",
        "Contamination is what an additive model credits to the wrong provider; richer models are not of that kind.",
        "ask it of a fit with `model: additive`",
    ),
    "EST-018": Code(
        "no standard error",
        "The effect was published without a standard error, or its design gives a test and no error, so nothing that needs one "
        "can be said of it: no interval, no bound, no p-value from t, no probability and no weight by precision.",
        "report the standard error, choose an inference that has one, or agree on terms that use the value or the design's test",
    ),
    "EST-019": Code(
        "observed less agreed, not caused",
        "The gain is a mean outcome less a baseline that the parties agreed on. It is caused by the programme only if these "
        "people would have had exactly the baseline without it, which no data here can show.",
        "call it observed, not caused; use a lottery or another comparison where a causal claim is wanted",
    ),
    "EST-020": Code(
        "clusters cannot show it",
        "With few clusters even the clearest result is no rarer under chance than one in the number of ways to choose the "
        "treated ones, so a gate at this level could never open, or would open on an assumption nobody can check.",
        "agree on a gate that does not test, on a higher level, or on more clusters",
    ),
    "EST-035": Code(
        "effects by period cannot be weighed against each other",
        "The joint covariance of the effects is singular, as with fewer clusters than effects, or with an effect that has no "
        "error. A set that is to hold whatever trends do needs their joint covariance.",
        "join periods, or state the effect under parallel trends only",
    ),
    "EST-037": Code(
        "earlier trends could hardly have been seen",
        "A straight trend that the test of earlier periods would miss one time in five is enough to make the whole effect.",
        "do not take the passed test as evidence; state how large a violation the effect survives (breakdown value)",
    ),
    "EST-024": Code(
        "people were lost unequally",
        "More people have no outcome in one arm than in the other, by more than chance or the agreed boundary allows, so "
        "those left may differ between the arms for reasons other than the programme.",
        "read the effect with its bounds (Lee, worst case), weight by response, or find the people who are missing",
    ),
    "EST-025": Code(
        "few treated clusters",
        "An arm has one or two clusters. Their own residuals are nothing or nearly, so errors by cluster are far too small, "
        "and so are those of a wild bootstrap or too large.",
        "use `kind: cluster_means`, or ask `few_treated` which method the number of clusters allows; in a panel, `kind: synthetic_control` with placebo ranks",
    ),
    "EST-026": Code(
        "bounds cannot be drawn",
        "Bounds for people without an outcome need some with one in each arm of each group, and a range that holds every "
        "outcome seen.",
        "use fewer or wider groups, or state the range that the outcome can have",
    ),
    "EST-027": Code(
        "the interval is open",
        "With so few clusters there are so few ways in which chance could have gone that some effects cannot be rejected, "
        "however large.",
        "read it as it stands: the data do not bound the effect at this level; a lower level or more clusters would",
    ),
    "EST-021": Code(
        "lottery cannot have given this",
        "Randomization inference compares with the assignments that could have been drawn. The lottery that is declared does "
        "not allow the one that was, or leaves an arm empty, or allows no other.",
        "declare blocks, clusters or the list of assignments as they were drawn",
    ),
    "EST-022": Code(
        "no single effect to invert",
        "A confidence interval by randomization is of one constant effect; the test is of several arms together.",
        "name one arm, or read the p-values",
    ),
    "EST-023": Code(
        "arms do not overlap",
        "The average effect of an arm needs its people, and the control's, in every block and at every covariate that is "
        "adjusted for; and the worst case of contamination needs controls that are blocks alone.",
        "merge blocks, use fewer covariates, or leave out blocks that lack an arm with `overlap='drop'`",
    ),
    "EST-028": Code(
        "weak instrument",
        "The first stage is so weak that two-stage least squares may be biased towards plain least squares and its t interval "
        "may miss the effect more often than it says.",
        "read the Anderson-Rubin set, which holds whatever the strength of the first stage",
    ),
    "EST-029": Code(
        "not defined for this instrument",
        "The question asks for more than the instrument has: compliers need an instrument and a treatment of 0 and 1, a test "
        "of whether instruments agree needs two, a joint test of several needs more clusters.",
        "ask it of a fit that has what is needed",
    ),
    "EST-031": Code(
        "treated units serve as controls",
        "Where units begin at different times, a regression with fixed effects also compares units that begin with units "
        "that were treated before. If effects grow or differ, some enter with a negative weight, and the coefficient can lie "
        "outside all of them (Goodman-Bacon 2021; de Chaisemartin and D'Haultfoeuille 2020).",
        "estimate effects by cohort, such as with staggered difference-in-differences, and hold the two side by side",
    ),
    "EST-038": Code(
        "weak comparison before treatment",
        "Before treatment the comparison does not follow the treated places closely enough, rests on one or two periods, or "
        "is one of several that fit alike. What follows is then not the programme's effect alone.",
        "read the fit before treatment beside the gain; look for donors that are more alike, or a longer history",
    ),
    "EST-039": Code(
        "the error rests on more than these data show",
        "With one or few treated places their own variation cannot be seen: an error from placebos takes over how much donors "
        "vary, a test by rank cannot fall below one in the number of places, and a kernel is too narrow in a short series.",
        "agree on a test by placebo as what it is, on `errors: reml` for a short series, or on more treated places",
    ),
    "EST-040": Code(
        "the gain rests on a trend",
        "What would have happened is the earlier trend carried on. Whatever else changed at the same time, or bent the "
        "trend, is counted as the programme's effect.",
        "add a control series that shares what else changed and did not have the programme",
    ),
    "EST-032": Code(
        "rests on one or two units",
        "A cohort or event time of one or two units has an error that is small by chance and means nothing.",
        "join cohorts, or read averages over several of them",
    ),
    "EST-033": Code(
        "no overlap in a cohort and period",
        "The covariates predict who is treated, or depend on each other, so that nobody like the treated can be compared with.",
        "use fewer or coarser covariates, or leave such cells out and say so (`overlap: leave_out`)",
    ),
    "EST-034": Code(
        "few treated or untreated clusters",
        "Errors by cluster need several clusters on both sides; with few they are too small, with one they say nothing.",
        "name a finer cluster column if units joined one by one; otherwise read the interval as too short",
    ),
    "EST-041": Code(
        "the gate asks for what the design lacks",
        "A gate is held against effects by period, or against a test of the design's own, and this effect's design has none.",
        "choose another gate, or a kind of estimator that has it (the contract reference says which)",
    ),
    "EST-042": Code(
        "only one group has it",
        "A level of a covariate, or a mark of 0 and 1, is held by treated people only or by untreated people only, so that nobody "
        "who is alike in it was in the other group.",
        "merge the level with a similar one, or agree to leave these people out before outcomes are read",
    ),
    "EST-043": Code(
        "people without a partner",
        "Some people have nobody of the other group who is near enough, so that the effect is no longer that of everybody asked "
        "for: it is the effect on those who have partners.",
        "read how many, and whether a price per person is still meant for the others; a wider caliper keeps more of them",
    ),
    "EST-044": Code(
        "ties decided by person id",
        "Partners are used once, and many were as near as another: the first by person id was taken. Another numbering of the same "
        "people would give another comparison group.",
        "let people be partners of several (`replace: true`), which keeps all who tie, or agree to the ids before outcomes are read",
    ),
    "EST-045": Code(
        "the best match was sought among near people only",
        "There are too many pairs to look at all of them, so that a match whose distances are still smaller in sum may exist.",
        "nothing needs to be done if a good match will do; a caliper or exact columns leave fewer pairs, all of which are looked at",
    ),
    "EST-046": Code(
        "people were trimmed or weights capped",
        "People with extreme chances of treatment were left out, or extreme weights were lowered, as declared. The effect is then "
        "on those who are left, or is of groups that are less alike, and no longer of whom `estimand` names.",
        "nothing needs to be done if this was agreed on, but say whose effect it is; or ask for one that needs no cutting, such as "
        "`estimand: ato`",
    ),
    "EST-047": Code(
        "the error takes the weights as known",
        "Chances that a learner predicted have no error of their own that could be carried on, and come close to the truth only "
        "slowly, so that the effect may be off by more than its error says.",
        "use `score: logit`, or `kind: doubly_robust`, which allows learners",
    ),
    "EST-048": Code(
        "chances were floored or people trimmed",
        "As declared, very small chances of being treated were raised to a floor, or people who have them were left out, so that "
        "the effect is of the others.",
        "nothing needs to be done if this was agreed on; see how many people it concerns",
    ),
    "EST-049": Code(
        "a group cannot tell what a covariate does",
        "A covariate is the same for everybody in a group, or a combination of others there, while the people who are compared "
        "with it differ in it, so that nothing in the group says what their outcome would have been.",
        "merge the level with a similar one, leave the covariate out, or use `interactions: []` for common slopes",
    ),
    "EST-050": Code(
        "completed studies cannot be joined",
        "Multiple imputation joins the same estimate on two or more completed copies of one study: the same people, terms, "
        "outcome and error type in each.",
        "complete copies of one study, and estimate the same on each; leave nobody out of only some of them",
    ),
    "EST-051": Code(
        "no such strength",
        "A sensitivity analysis asks for a strength that nothing can have: odds below 1, a part of variance that is not from 0 to "
        "less than 1, a multiple or a ratio that is not positive.",
        "ask for odds of at least 1, parts of variance from 0 to less than 1, and positive multiples and ratios",
    ),
    "EST-052": Code(
        "nothing is so many times as strong",
        "A cause so many times as strong as what was measured would have to explain more than there is to explain.",
        "name a smaller multiple, or a weaker covariate",
    ),
    "EST-053": Code(
        "refutation test does not fit",
        "The test cannot be made of this design, or with so few repetitions that it could never fail.",
        "choose another test, name what the test needs, or ask for more repetitions",
    ),
    "EST-054": Code(
        "refutation test did not come out",
        "So many repetitions of the test were refused by the design itself that the others say nothing.",
        "look at the refusal that is shown; a simpler model or larger groups may carry the test",
    ),
    "EST-055": Code(
        "no specification gives an answer",
        "Every specification of the curve was refused, the contract's own among them, so there is nothing to show and nothing to compare.",
        "mend what the codes named say; start from the contract's own design, which must settle first",
    ),
    "EST-056": Code(
        "little to choose partners from",
        "Partners are used once and many of the other group are partners, so that those who were left were taken, alike or not. What "
        "the groups still differ in stays in the effect, and an error of matched people does not count it.",
        "adjust for what is left (`bias_adjustment: true`), let people be partners of several (`replace: true`), or set a caliper",
    ),
    "ATTR-001": Code(
        "no such rule", "The package has no attribution rule of that name.", "choose one of the names listed"
    ),
    "ATTR-002": Code(
        "rule needs doses or dates",
        "The rule looks at how much each provider did for each person, or when it began, and the study does not record it.",
        "add the column (dose, start) to services.csv, complete it, or choose another rule",
    ),
    "ATTR-003": Code(
        "rule has no meaning in this scope or design",
        "Doses and dates exist only for services that people really had, so `scope: everyone` has none to look at. Credit "
        "that includes referrals exists for Shapley only, and Aumann-Shapley divides a response to doses only.",
        "use `scope: served`, a rule without doses and dates, or the rule that the message names",
    ),
    "ATTR-004": Code(
        "too many providers for one person",
        "The model compares every combination of a person's providers, and somebody has too many for that.",
        "use the additive or pairwise model",
    ),
    "ATTR-005": Code(
        "terms do not fit the rule",
        "The rule takes no such term, or the term names a provider that there is not, or names one twice.",
        "owen takes `unions`, stage_respecting `stages`, fixed `fractions` that sum to one, plurality `ties`",
    ),
    "ATTR-006": Code(
        "a tie that no term breaks",
        "Two providers did equally much for a person, and the contract does not say who then receives the person's gain.",
        "declare `ties: equal` or `ties: contract_order`",
    ),
    "ATTR-007": Code(
        "table is no game",
        "A game has one finite worth for each coalition: 2, 4, 8, ... numbers, and one number a player beside them.",
        "give an array of length 2^K whose index has bit j set where player j is in the coalition",
    ),
    "ATTR-008": Code(
        "integral over doses did not settle",
        "Two orders of quadrature disagree about the credits, they miss the gain, or the function is not finite: it jumps "
        "or bends sharply between no dose and the doses given.",
        "raise `order`, give the gradient, or use a function without jumps",
    ),
    "ATTR-009": Code(
        "no interactions to report",
        "Either the model has no joint effects, or no two providers share enough people to see one.",
        "use the pairwise or saturated model, or a study with more shared people",
    ),
    "PAY-001": Code(
        "gain cannot be divided",
        "No provider has a positive credit, so there is nothing to divide the pot by.",
        "agree on a split for this case",
    ),
    "PAY-002": Code(
        "rule cannot be paid on",
        "The credits of the rule do not sum to the gain.",
        "pay on shapley, owen, equal_split or another rule that sums to the gain",
    ),
    "PAY-003": Code(
        "not a finite number",
        "An estimate that should be priced is missing or infinite.",
        "look at the effect's own refusal or warnings",
    ),
    "PAY-004": Code(
        "the split finds no gain",
        "One effect fixes the pot and another divides it, and the dividing one shows no gain, so no parts follow from it.",
        "agree in the split on fractions for this case, as `otherwise: {provider: fraction}`",
    ),
    "PAY-005": Code(
        "pot and split disagree",
        "The effect that fixes the pot and the one that divides it differ by more than chance: the 95% interval of their "
        "difference excludes zero. One of the two designs is wrong for this use, or they count different people's gains.",
        "look at what the two count differently: services to people in control, spill-over, causes that are not recorded",
    ),
    "PAY-006": Code(
        "credits cannot be weighted by precision",
        "Negative credits are to be projected by precision, and the credits' covariance is missing, not finite or useless.",
        "use an estimator that carries its uncertainty, or `projection_weights: identity`",
    ),
    "PAY-007": Code(
        "no agreement inside a joint credit",
        "The data give these providers one credit together, and the contract does not say how they share it.",
        "write `inside: {provider: fraction}` under the split; the fractions of one joint credit sum to one",
    ),
    "PAY-011": Code(
        "no minimum for so few people",
        "The table of minimum effects by number of people does not reach this number, so the contract states no gate for it.",
        "agree on a band for this number of people; it is not extrapolated",
    ),
    "PAY-012": Code(
        "nothing to count over",
        "None of the cohorts of a pool is reported, or the number of people that a mean or a total needs is not known.",
        "report the effect with the number of its people, or agree on `weights: equal`",
    ),
    "PAY-008": Code(
        "ratio without a base",
        "What a ratio divides by is zero, so there is no percentage to pay on.",
        "settle over periods in which there is something to divide by, or say in the contract what then applies",
    ),
    "PAY-009": Code(
        "person cannot be assigned to a provider",
        "By the contract's rule a person belongs to no provider, or to two equally, and nothing says what then applies.",
        "declare `ties: contract_order` with an `order:`, add a step, or write `otherwise:` with a provider or nobody",
    ),
    "PAY-010": Code(
        "quantities cannot be combined",
        "One of them is a ratio, which does not add up, or one is told apart by group, rung or provider and another is not, "
        "so that their parts do not match.",
        "combine what a ratio is made of, and count with the same `group:` and `assign:`",
    ),
    "PAY-013": Code(
        "interest or a rate of return without dates",
        "Interest runs from day to day and an internal rate of return discounts by days, so both need the date of every flow "
        "of money: when it was put up, and when it comes back.",
        "write `date:` at every entry of `drawn:` and `from:` and `to:` at every period, or leave out `rate:` and `irr:`",
    ),
    "PAY-014": Code(
        "internal rate of return not determined",
        "No rate, or more than one, makes the discounted flows sum to zero, so there is no such thing as the rate of return.",
        "state money in and money out, or a multiple of the money put up, in place of a rate of return",
    ),
    "PAY-015": Code(
        "receipts cannot be distributed",
        "What came in is negative or out of order, an amount is finer than the currency's smallest unit, or the terms name a "
        "period or a quantity that there is not.",
        "state receipts in the order in which they came in, in whole units of the currency; let a claw-back lower later receipts",
    ),
    "PAY-023": Code(
        "number of no settlement period",
        "A count or a gain belongs to none of the periods that are settled, so it would silently never be paid for.",
        "say to which period it belongs, or leave out `periods:` so that everything is settled at once",
    ),
    "PAY-024": Code(
        "credit below zero is not settled",
        "A provider's credit is negative, and the contract says that nothing is settled then.",
        "let the parties agree on `negative: project` or `in_proportion`, or pay by another rule",
    ),
    "PAY-016": Code(
        "draws that would tell nothing",
        "An interval of draws rests on the most extreme of them, of which few draws have next to none; and without a standard "
        "error there is nothing to draw from.",
        "ask for at least 100 draws, of estimates with a standard error above zero; 2,000 draws take seconds",
    ),
    "PAY-017": Code(
        "joint spread not known",
        "Payments that depend on several effects depend on how these vary together. Effects without people in common do not "
        "tell, and agreed correlations must be possible together.",
        "state `correlation:` between the effects, or that they are independent",
    ),
    "PAY-018": Code(
        "no graduated table to compare",
        "The cost of a cliff is told against the line between the same points. The price has no thresholds, or no point below "
        "its first one at which the line could begin.",
        "name a price with steps, pieces, a minimum or a condition, and say where graduated payment would begin",
    ),
    "PAY-019": Code(
        "limit for each person without records",
        "A limit for each person lowers the amounts of those above it, and a total does not say who they are.",
        "count the quantity from claims, or agree on a limit that a total can be held against",
    ),
    "PAY-020": Code(
        "record cannot be settled again without people",
        "A limit is for each person, and a record holds totals only, so that it gives nobody away.",
        "count the quantities named from the study again, and hand them to `rederive`",
    ),
    "PAY-021": Code(
        "Parquet needs pyarrow",
        "Parquet files are written by pyarrow, which is not installed; no other format is written in its place.",
        "install it with `pip install 'counterfoil[parquet]'`, or export CSV, JSON or a workbook",
    ),
    "PAY-022": Code(
        "record of a settlement cannot be read",
        "It is of another version, a part is missing, or it does not hold what the settlement follows from.",
        "make the record again from the settlement, and change nothing in it",
    ),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: a code, where it is, what it is, and how to mend it."""

    code: str
    what: str
    where: str = ""
    fix: str = ""

    def __str__(self) -> str:
        place = f" {self.where}:" if self.where else ""
        return f"{self.code}{place} {self.what}\n    fix: {self.remedy}"

    @property
    def remedy(self) -> str:
        """How to mend it: the particular advice, or else the code's own."""
        return self.fix or CODES[self.code].fix

    def to_dict(self) -> dict[str, str]:
        """Return the problem as plain data for JSON."""
        return {"code": self.code, "where": self.where, "what": self.what, "fix": self.remedy}


class CounterfoilError(Exception):
    """Root of every refusal; holds the problems of one phase."""

    exit_code = 1

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems: tuple[Problem, ...] = problems

    def __str__(self) -> str:
        shown = "\n".join(str(problem) for problem in self.problems[:LISTED])
        more = len(self.problems) - LISTED
        return f"{shown}\nand {more} more problems" if more > 0 else shown

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the problems, in order."""
        return tuple(problem.code for problem in self.problems)


class ContractError(CounterfoilError, ValueError):
    """The contract cannot be read, or contradicts itself."""

    exit_code = 2


class DataError(CounterfoilError, ValueError):
    """The data do not fit the form that the study or the contract asks for."""

    exit_code = 2


class IdentificationError(CounterfoilError, ValueError):
    """The data cannot answer the question."""


class EstimationError(CounterfoilError, ValueError):
    """No sound number came out."""


class AttributionError(CounterfoilError, ValueError):
    """The gain cannot be divided as asked."""


class PaymentError(CounterfoilError, ValueError):
    """The division cannot be turned into money."""


PHASES: Final[dict[str, type[CounterfoilError]]] = {
    "CONTRACT": ContractError,
    "DATA": DataError,
    "IDENT": IdentificationError,
    "EST": EstimationError,
    "ATTR": AttributionError,
    "PAY": PaymentError,
}


def refusal(code: str, what: str, where: str = "", fix: str = "") -> CounterfoilError:
    """Return the error of the code's phase with this one problem, ready to be raised.

    Examples
    --------
    >>> refusal("IDENT-001", "nobody is assigned", "people.csv").exit_code
    1
    """
    return PHASES[code.partition("-")[0]](Problem(code, what, where, fix))


def raise_any(problems: Sequence[Problem]) -> None:
    """Raise all problems of a phase together, or return if there are none."""
    if problems:
        raise PHASES[problems[0].code.partition("-")[0]](*problems)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest known word, or nothing.

    Examples
    --------
    >>> did_you_mean("pirce", ["price", "effect"])
    "; did you mean 'price'?"
    """
    lowered = {name.lower(): name for name in sorted(known, reverse=True)}
    near = get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return f"; did you mean '{lowered[near[0]]}'?" if near else ""


def listed(names: Iterable[object], limit: int = 6) -> str:
    """Join names for a message, with the rest counted.

    Examples
    --------
    >>> listed(["a", "b", "c"], limit=2)
    'a, b and 1 more'
    """
    words = [str(name) for name in names]
    more = len(words) - limit
    return ", ".join(words[:limit]) + (f" and {more} more" if more > 0 else "")


def explain(code: str) -> str:
    """Return the table's entry for a code as text.

    Raises
    ------
    KeyError
        When the table has no such code; the message names the nearest one.
    """
    entry = CODES.get(code.upper())
    if entry is None:
        raise KeyError(f"there is no code {code!r}{did_you_mean(code, CODES)}")
    return f"{code.upper()}: {entry.title}\n\n{entry.meaning}\n\nfix: {entry.fix}"
