"""The entry point: the command group and how it ends.

Command modules import what they need when they run, so that `--help` stays
quick: nothing imported here may pull in numpy, napari or torch.
"""

from __future__ import annotations

import errno
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from napari_echo.cli import (
    demo,
    doctor,
    experiment,
    labels,
    models,
    phantom,
    predict,
    preprocess,
    propagate,
    report,
    retrain,
    test,
    train,
    visualize,
)
from napari_echo.cli import open as open_command
from napari_echo.core.errors import EchoError


class EchoGroup(TyperGroup):
    """Ends a failed command with one sentence and an exit status, not a traceback.

    1 is a failure that the user can act on, 130 an interruption, 70 a defect
    of the program, whose traceback goes to a file for the report.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except EchoError as error:
            raise _failed(str(error)) from error
        except KeyboardInterrupt:
            typer.echo("napari-echo: interrupted; finished files are kept.", err=True)
            raise typer.Exit(130) from None
        except OSError as error:
            if error.errno == errno.EPIPE or not (error.filename or error.errno == errno.ENOSPC):
                raise
            where = f"{error.filename}: " if error.filename else ""
            raise _failed(f"{where}{error.strerror}.") from error
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if hasattr(error, "exit_code"):
                raise  # a wrong argument, which typer itself reports
            typer.echo(
                f"napari-echo: this is a defect of the program ({type(error).__name__}: {error}); "
                f"please report it with {_keep_traceback()}",
                err=True,
            )
            raise typer.Exit(70) from error


def _keep_traceback() -> str:
    """Write the traceback at hand to the log folder; say where it is."""
    import traceback
    from datetime import UTC, datetime

    from platformdirs import user_log_path

    text = traceback.format_exc()
    try:
        folder = user_log_path("napari-echo", appauthor=False, ensure_exists=True)
        path = folder / f"defect-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.txt"
        path.write_text(f"{sys.argv}\n{text}", encoding="utf-8")
    except OSError:
        return f"this:\n{text}"
    return f"the file {path}."


def _failed(sentence: str) -> typer.Exit:
    typer.echo(f"napari-echo: error: {sentence}", err=True)
    return typer.Exit(1)


app = typer.Typer(
    cls=EchoGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from napari_echo import __version__

        typer.echo(f"napari-echo {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """See, judge and correct left-ventricle segmentations of echo video."""


app.command("open")(open_command.open_clips)
app.command("demo")(demo.demo)
app.command("predict")(predict.predict)
app.command("propagate")(propagate.propagate)
app.command("phantom")(phantom.phantom)
app.command("preprocess")(preprocess.preprocess)
app.command("train")(train.train)
app.command("retrain")(retrain.retrain)
app.command("test")(test.measure)
app.command("report")(report.report)
app.command("visualize")(visualize.visualize)
app.add_typer(models.app, name="models")
app.add_typer(labels.app, name="labels")
app.add_typer(experiment.app, name="experiment")
app.command("doctor")(doctor.doctor)


def main() -> None:
    """Run `napari-echo`."""
    app()


if __name__ == "__main__":
    main()
