"""The command line. Data goes to stdout, talk to stderr.

Exit codes: 0 answered ("nothing is due" included), 1 refused, 2 usage, contract or data.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from counterfoil.checks import Check
    from counterfoil.evaluation import Evaluation
    from counterfoil.specification_results import SpecificationCurve

app = typer.Typer(
    name="counterfoil",
    help="Who caused the gain, and who is therefore paid what?",
    rich_markup_mode=None,
    add_completion=True,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog="Start with: counterfoil demo, then counterfoil init my-contract. Exit codes: 0 answered, 1 refused, 2 usage or input.",
)


class Format(StrEnum):
    """How a result is written."""

    text = "text"
    json = "json"


ContractFile = Annotated[
    Path, typer.Argument(metavar="CONTRACT", help="The contract, a YAML file.", show_default=False)
]
StudyFolder = Annotated[
    Path | None,
    typer.Argument(
        metavar="[STUDY]",
        help="The study folder; when omitted, the folder `study` beside the contract, if there is one.",
    ),
]
ReportedOption = Annotated[
    Path | None,
    typer.Option(
        "--reported", metavar="FILE", help="Numbers verified or published elsewhere, a YAML file.", show_default=False
    ),
]
FormatOption = Annotated[Format, typer.Option("--format", help="Text for people, JSON for programs.")]

ReportOption = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE", help="Also write the report, one HTML file.", show_default=False),
]


@contextmanager
def _refusals(written: Format) -> Iterator[None]:
    """Turn a coded refusal into text on stderr (or JSON on stdout) and its exit code."""
    from counterfoil.errors import CounterfoilError

    try:
        yield
    except CounterfoilError as error:
        if written is Format.json:
            print(
                json.dumps({"refused": [problem.to_dict() for problem in error.problems]}, indent=2, ensure_ascii=False)
            )
        typer.echo(str(error), err=True)
        raise typer.Exit(error.exit_code) from None


def _study_of(contract: Path, study: Path | None, needed: bool) -> Path | None:
    """Return the study folder that is meant; None for a contract that settles on reported numbers alone."""
    return study if study is not None or not needed else contract.parent / "study"


def _print(result: "Evaluation | Check", written: Format) -> None:
    print(result.to_json() if written is Format.json else result.summary(), end="")


def _write_report(evaluation: "Evaluation", path: Path | None, curve: "SpecificationCurve | None" = None) -> None:
    if path is None:
        return
    try:
        evaluation.report(path, curve=curve)
    except OSError as error:
        typer.echo(f"the report cannot be written to {path}: {error.strerror}", err=True)
        raise typer.Exit(2) from None
    typer.echo(f"wrote {path}", err=True)


def _version(wanted: bool) -> None:
    if wanted:
        from counterfoil import __version__

        print(__version__)
        raise typer.Exit


@app.callback()
def main_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Who caused the gain, and who is therefore paid what?"""
    del version


@app.command()
def evaluate(
    contract: ContractFile,
    study: StudyFolder = None,
    written: FormatOption = Format.text,
    report: ReportOption = None,
    reported: ReportedOption = None,
    until: Annotated[
        str | None, typer.Option(metavar="PERIOD", help="The last period that is settled.", show_default=False)
    ] = None,
    as_signed: Annotated[bool, typer.Option("--as-signed", help="Settle as if never amended.")] = False,
    export: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Also write the ledger there: CSV, JSON, Excel, INDIGO rows.", show_default=False
        ),
    ] = None,
    small_cells: Annotated[
        bool,
        typer.Option("--show-small-cells", help="Export what rests on ten people or fewer, and the whole record."),
    ] = False,
) -> None:
    """Measure the effects, count the quantities, divide, and settle to the cent.

    Example: counterfoil evaluate contract.yaml study --report report.html
    """
    with _refusals(written):
        from counterfoil.datasets.folder import read_study
        from counterfoil.evaluation import evaluate as run
        from counterfoil.reading import read_contract
        from counterfoil.reported import read_reported

        terms = read_contract(contract)
        folder = _study_of(contract, study, terms.needs_people)
        evaluation = run(
            terms,
            None if folder is None else read_study(folder),
            reported=None if reported is None else read_reported(reported),
            until=until,
            as_signed=as_signed,
        )
    _write_report(evaluation, report)
    if export is not None and evaluation.settlement is not None:
        for path in evaluation.export(export, show_small_cells=small_cells):
            typer.echo(f"wrote {path}", err=True)
    _print(evaluation, written)
    raise typer.Exit(0 if evaluation.answered else 1)


@app.command()
def check(
    contract: ContractFile,
    study: StudyFolder = None,
    written: FormatOption = Format.text,
    rosters: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Also write each provider's roster there, for it to confirm.", show_default=False
        ),
    ] = None,
) -> None:
    """Say what the study can answer before outcomes are read.

    Example: counterfoil check contract.yaml study --rosters to-confirm
    """
    with _refusals(written):
        from counterfoil.checks import check as run
        from counterfoil.datasets.folder import read_study
        from counterfoil.reading import read_contract

        folder = study if study is not None else contract.parent / "study"
        found = run(read_contract(contract), read_study(folder, outcomes=False))
        if rosters is not None:
            from counterfoil.rosters import write_rosters

            for path in write_rosters(found.contract, found.study, rosters):
                typer.echo(f"wrote {path}", err=True)
    _print(found, written)
    raise typer.Exit(1 if found.refused else 0)


@app.command()
def demo(
    example: Annotated[
        str, typer.Argument(help="An example (rice, nsw, rossi, cradle) or a public contract, such as denver.")
    ] = "rice",
    written: FormatOption = Format.text,
    report: ReportOption = None,
) -> None:
    """Settle a packaged example, or a public contract beside its published payments; `counterfoil demo list` names all.

    Example: counterfoil demo denver
    """
    with _refusals(written):
        from counterfoil.datasets.examples import EXAMPLES, example_folder
        from counterfoil.datasets.folder import read_study
        from counterfoil.evaluation import evaluate as run
        from counterfoil.library import compare, evaluate_case, library
        from counterfoil.reading import read_contract

        if example == "list":
            print("\n".join([*EXAMPLES, *library()]))
            return
        if example not in EXAMPLES:
            comparison = compare(example)
            if report is not None:
                _write_report(evaluate_case(example), report)
            print(comparison.to_json() if written is Format.json else comparison.summary(), end="")
            raise typer.Exit(0 if comparison.agrees else 1)
        folder = example_folder(example)
        evaluation = run(read_contract(folder / "contract.yaml"), read_study(folder))
    _write_report(evaluation, report)
    _print(evaluation, written)


@app.command()
def describe(contract: ContractFile) -> None:
    """Say a contract in plain sentences, so that parties can check what they sign.

    Example: counterfoil describe contract.yaml
    """
    with _refusals(Format.text):
        from counterfoil.description import describe as say
        from counterfoil.reading import read_contract

        print(say(read_contract(contract)), end="")


@app.command()
def redline(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The contract as it was.", show_default=False)],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The contract as it would be.", show_default=False)],
    study: Annotated[
        Path | None,
        typer.Argument(metavar="[STUDY]", help="The study folder, to compare the money.", show_default=False),
    ] = None,
    reported: ReportedOption = None,
    written: FormatOption = Format.text,
) -> None:
    """Show what changed between two versions, sentence by sentence, and in money on the same facts.

    Example: counterfoil redline signed.yaml proposed.yaml study
    """
    with _refusals(written):
        from counterfoil.datasets.folder import read_study
        from counterfoil.reading import read_contract
        from counterfoil.redlining import redline as run
        from counterfoil.reported import read_reported

        found = run(
            read_contract(old),
            read_contract(new),
            None if study is None else read_study(study),
            reported=None if reported is None else read_reported(reported),
        )
    print(json.dumps(found.to_dict(), indent=2) + "\n" if written is Format.json else found.summary(), end="")


@app.command()
def simulate(
    contract: ContractFile,
    assumptions: Annotated[
        Path, typer.Argument(metavar="ASSUMPTIONS", help="What is assumed, a YAML file.", show_default=False)
    ],
    size: Annotated[int, typer.Option(help="Draws of each scenario.")] = 2000,
    seed: Annotated[int, typer.Option(help="Same seed, same draws.")] = 0,
    written: FormatOption = Format.text,
) -> None:
    """Say what a contract would pay under assumed effects, enrolments and rosters, before anything is signed.

    Example: counterfoil simulate contract.yaml assumptions.yaml
    """
    with _refusals(written):
        from counterfoil.assumptions import read_assumptions
        from counterfoil.reading import read_contract
        from counterfoil.simulation import simulate as run

        found = run(read_contract(contract), read_assumptions(assumptions), size=size, seed=seed)
    print(found.to_json() if written is Format.json else found.summary(), end="")


@app.command()
def curve(
    contract: ContractFile,
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="The study folder.", show_default=False)],
    specifications: Annotated[
        Path, typer.Argument(metavar="SPECIFICATIONS", help="What is varied, a YAML file.", show_default=False)
    ],
    written: FormatOption = Format.text,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also draw it there: PNG, SVG or PDF.", show_default=False)
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Keep finished specifications there, and go on from them.", show_default=False
        ),
    ] = None,
    reported: ReportedOption = None,
    report: ReportOption = None,
) -> None:
    """Run every specification that was declared, in outcome units and in money, beside the contract's own.

    Example: counterfoil curve contract.yaml study specifications.yaml --plot curve.png
    """
    with _refusals(written):
        from counterfoil.datasets.folder import read_study
        from counterfoil.reading import read_contract
        from counterfoil.reported import read_reported
        from counterfoil.specification_analysis import specification_curve as run
        from counterfoil.specifications import read_specifications

        terms, people = read_contract(contract), read_study(study)
        numbers = None if reported is None else read_reported(reported)
        found = run(
            terms,
            people,
            read_specifications(specifications),
            reported=numbers,
            resume=resume,
            progress=_told,
        )
        if plot is not None:
            found.write_plot(plot)
            typer.echo(f"wrote {plot}", err=True)
        if report is not None:
            from counterfoil.evaluation import evaluate as settle

            _write_report(settle(terms, people, reported=numbers), report, found)
    print(found.to_json() if written is Format.json else found.summary(), end="")
    raise typer.Exit(0 if found.answered else 1)


def _told(done: int, whole: int) -> None:
    """Say on stderr how far a run is, some twenty times."""
    if done % max(1, whole // 20) == 0 or done == whole:
        typer.echo(f"{done:,} of {whole:,} specifications", err=True)


@app.command()
def rederive(
    record: Annotated[
        Path, typer.Argument(metavar="RECORD", help="A record.json that --export wrote.", show_default=False)
    ],
) -> None:
    """Settle a ledger again from its own record, and say where the two differ.

    Example: counterfoil rederive ledger/record.json
    """
    with _refusals(Format.text):
        from counterfoil.attribution.ledger import differences

        try:
            content = json.loads(record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            typer.echo(f"{record} cannot be read as JSON; name the record.json that --export wrote", err=True)
            raise typer.Exit(2) from None
        found = differences(content)
    print("\n".join(found) if found else "The ledger follows from its record, line by line and step by step.")
    raise typer.Exit(1 if found else 0)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where to write them; made when it does not exist.")] = Path(),
) -> None:
    """Write a commented contract and a small study to start from.

    Example: counterfoil init my-contract
    """
    with _refusals(Format.text):
        from counterfoil.starter import write_starter

        target = write_starter(folder)
    typer.echo(f"wrote {target / 'contract.yaml'} and {target / 'study'}", err=True)
    typer.echo(f"next: counterfoil evaluate {target / 'contract.yaml'}", err=True)


class Schema(StrEnum):
    """What has a JSON Schema."""

    contract = "contract"
    evaluation = "evaluation"


@app.command()
def schema(
    of: Annotated[Schema, typer.Argument(metavar="[contract|evaluation]", help="Of which file.")] = Schema.contract,
) -> None:
    """Print the JSON Schema of a contract, for editors, or of an evaluation, for programs.

    Example: counterfoil schema > counterfoil.schema.json
    """
    if of is Schema.contract:
        from counterfoil.contract import json_schema as make
    else:
        from counterfoil.result_schema import evaluation_schema as make

    print(json.dumps(make(), indent=2))


@app.command()
def explain(
    code: Annotated[str, typer.Argument(metavar="CODE", help="An error code, such as DATA-004.")],
    written: FormatOption = Format.text,
) -> None:
    """Explain an error code.

    Example: counterfoil explain IDENT-002
    """
    from dataclasses import asdict

    from counterfoil.errors import CODES
    from counterfoil.errors import explain as entry

    try:
        text = entry(code)
        print(
            json.dumps({"code": code.upper(), **asdict(CODES[code.upper()])}, indent=2)
            if written is Format.json
            else text
        )
    except KeyError as error:
        typer.echo(error.args[0], err=True)
        raise typer.Exit(2) from None


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line."""
    return app(args=arguments, prog_name="counterfoil")


if __name__ == "__main__":
    main()
