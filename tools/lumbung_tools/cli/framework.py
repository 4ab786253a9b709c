"""Commands whose words come from the catalogue, and that all know --json, --lang, --home and their exit codes.

click decides what an option means; this decides in which language it is explained. The console travels as the
context's object: one for the whole call, made by `main` before anything is parsed, so that help speaks it too.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TypeVar

import click
from click.shell_completion import CompletionItem

from lumbung_node.config import Language
from lumbung_tools.catalogue.text import Catalogue
from lumbung_tools.client.session import OpenTransport
from lumbung_tools.loading import loading
from lumbung_tools.output.console import Console
from lumbung_tools.output.exit_codes import ExitCode

__all__ = [
    "COMPLETION_VARIABLE",
    "Call",
    "LazyGroup",
    "LumbungCommand",
    "LumbungGroup",
    "RunnableGroup",
    "command",
    "dry_run",
    "option",
]

_OPTIONS_OF_NODES = frozenset(("--origin", "--node", "--from", "--with"))
COMPLETION_VARIABLE = "_LUMBUNG_COMPLETE"  # by it a shell's script asks the command what may come next

F = TypeVar("F", bound=Callable[..., object])
_EXIT_KEYS = {
    ExitCode.OK: "exit.0",
    ExitCode.BUG: "exit.1",
    ExitCode.USAGE: "exit.2",
    ExitCode.COPIES_SHORT: "exit.3",
    ExitCode.NOT_FOUND: "exit.4",
    ExitCode.UNKNOWN: "exit.5",
    ExitCode.REFUSED: "exit.6",
    ExitCode.UNREACHABLE: "exit.7",
    ExitCode.DAMAGED: "exit.8",
}


_KINDS: tuple[tuple[type[object], str], ...] = (
    (click.Path, "help.metavar.path"),
    (type(click.INT), "help.metavar.number"),
    (type(click.FLOAT), "help.metavar.number"),
    (type(click.STRING), "help.metavar.text"),
)
_METAVARS = {"[OPTIONS]": "help.metavar.options", "COMMAND [ARGS]...": "help.metavar.command"}


@dataclass(slots=True)
class Call:
    """What every command gets: where to speak, whose profile to use and how to reach nodes. Options fill it in."""

    console: Console
    home: Path
    open_transport: OpenTransport
    code: ExitCode = ExitCode.OK

    def end(self, code: ExitCode) -> None:
        """The exit code of this call."""
        self.code = code


class _Option(click.Option):
    """An option whose help is a key."""

    def __init__(self, *args: object, help_key: str, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.help_key = help_key

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        if self.metavar == "NODE" or _OPTIONS_OF_NODES.intersection(self.opts):
            from lumbung_tools.cli.completing import node_names  # here: it stands on this module

            return node_names(_call(ctx), incomplete)
        return super().shell_complete(ctx, incomplete)

    def make_metavar(self, ctx: click.Context) -> str:
        """The kind of its value; a name of its own or a list of choices stays as it is."""
        key = next((key for kind, key in _KINDS if isinstance(self.type, kind)), None)
        if self.metavar is not None or key is None or self.is_flag:
            return super().make_metavar(ctx)
        return _catalogue(ctx).text(key)

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        worded = copy.copy(self)
        words = _catalogue(ctx)
        worded.help = words.text(self.help_key)
        record = click.Option.get_help_record(worded, ctx)
        if record is None:
            return None
        told, bracket, extra = record[1].rpartition("  [")  # click's own: [default: 3; required]
        extra = extra.replace("default: ", f"{words.text('help.extra.default')}: ") if bracket else extra
        extra = extra.replace("required]", f"{words.text('help.extra.required')}]") if bracket else extra
        return record[0], f"{told}{bracket}{extra}"


def option(*names: str, help_key: str, **settings: object) -> Callable[[F], F]:
    return click.option(*names, cls=_Option, help_key=help_key, **settings)


class _Worded(click.Command):
    """Help in the chosen language. `exits` may give a code another explanation than the usual one."""

    help_key = ""
    exits: Sequence[ExitCode | tuple[ExitCode, str]] = ()
    examples_key = ""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(_catalogue(ctx).text(self.help_key))

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        words = _catalogue(ctx)
        pieces = self.collect_usage_pieces(ctx)
        shown = [words.text(_METAVARS[piece]) if piece in _METAVARS else piece for piece in pieces]
        formatter.write_usage(ctx.command_path, " ".join(shown), prefix=f"{words.text('help.heading.usage')} ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        options = [param for param in self.get_params(ctx) if not isinstance(param, click.Argument)]
        records = [param.get_help_record(ctx) for param in options]
        rows = [record for record in records if record is not None]
        if rows:
            with formatter.section(_catalogue(ctx).text("help.heading.options")):
                formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        words = _catalogue(ctx)
        if self.examples_key:
            with formatter.section(words.text("help.heading.examples")):
                for example in words.text(self.examples_key).splitlines():
                    formatter.write(f"{'':>{formatter.current_indent}}{example}\n")
        if self.exits:
            with formatter.section(words.text("help.heading.exits")):
                formatter.write_dl([_exit_line(words, entry) for entry in self.exits])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What may come next, explained in the chosen language."""
        found = super().shell_complete(ctx, incomplete)
        options = {name: param for param in self.get_params(ctx) for name in (*param.opts, *param.secondary_opts)}
        for item in found:
            option = options.get(str(item.value))
            if isinstance(option, _Option):
                item.help = _catalogue(ctx).text(option.help_key)
            elif isinstance(self, LumbungGroup) and item.value in self.list_commands(ctx):
                item.help = self.short_help_of(ctx, str(item.value))
        return found

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        plain = super().get_help_option(ctx)
        if plain is not None:
            plain.help = _catalogue(ctx).text("help.option.help")
        return plain


class LumbungCommand(_Worded):
    """A command with the common options."""

    def __init__(
        self,
        name: str,
        callback: Callable[..., object],
        params: list[click.Parameter],
        help_key: str,
        examples_key: str,
        exits: Sequence[ExitCode | tuple[ExitCode, str]],
    ) -> None:
        super().__init__(name=name, callback=callback, params=[*params, *_common_options()])
        self.help_key = help_key
        self.examples_key = examples_key
        self.exits = exits

    def invoke(self, ctx: click.Context) -> object:
        console = _call(ctx).console
        if console.is_dry:
            console.say("dry.head")
        return super().invoke(ctx)


class LumbungGroup(_Worded, click.Group):
    """A group of commands; its list is worded in the chosen language."""

    def short_help_of(self, ctx: click.Context, name: str) -> str:
        """One line about a command below."""
        return self._short_help(ctx, name, 0)

    def __init__(self, name: str, help_key: str) -> None:
        click.Group.__init__(self, name=name, params=_common_options(), no_args_is_help=True)
        self.help_key = help_key

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, self._short_help(ctx, name, formatter.width)) for name in self.list_commands(ctx)]
        with formatter.section(_catalogue(ctx).text("help.heading.commands")):
            formatter.write_dl(rows)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        self.format_options(ctx, formatter)
        self.format_commands(ctx, formatter)
        self.format_epilog(ctx, formatter)

    def _short_help(self, ctx: click.Context, name: str, width: int) -> str:
        found = self.get_command(ctx, name)
        if isinstance(found, _Worded):
            return _first_sentence(_catalogue(ctx).text(found.help_key))
        return found.get_short_help_str(width) if found else ""


class RunnableGroup(LumbungGroup):
    """A command with others below it: without one of them it does its own work."""

    def __init__(self, own: LumbungCommand, below: Sequence[click.Command]) -> None:
        assert own.name is not None
        super().__init__(own.name, own.help_key)
        self.params = own.params
        self.exits, self.examples_key = own.exits, own.examples_key
        self.no_args_is_help, self.invoke_without_command = False, True
        work = own.callback
        assert work is not None

        def run_own(**options: object) -> None:
            if click.get_current_context().invoked_subcommand is None:
                work(**options)

        self.callback = run_own
        for each in below:
            self.add_command(each)


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """A command in a module that is imported when it is called: start-up stays quick, and parts stay apart."""

    module: str
    attribute: str
    help_key: str


class LazyGroup(LumbungGroup):
    """Names mapped to modules."""

    def __init__(self, name: str, help_key: str, lazy: dict[str, LazyCommand]) -> None:
        super().__init__(name, help_key)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self._lazy.get(cmd_name)
        if entry is None:
            return None
        with loading():
            module = import_module(entry.module)
        found = getattr(module, entry.attribute)
        assert isinstance(found, click.Command), f"{entry.module}.{entry.attribute} is not a command"
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as exc:  # click compares with what is loaded, and here that is nothing
            raise click.exceptions.NoSuchCommand(exc.command_name, possibilities=self._lazy, ctx=ctx) from exc

    def _short_help(self, ctx: click.Context, name: str, width: int) -> str:
        return _first_sentence(_catalogue(ctx).text(self._lazy[name].help_key))


def _first_sentence(text: str) -> str:
    """For lists: what stands before the first full stop."""
    return text.partition(". ")[0].removesuffix(".")


def command(
    name: str, *, help_key: str, examples_key: str, exits: Sequence[ExitCode | tuple[ExitCode, str]]
) -> Callable[[Callable[..., object]], LumbungCommand]:
    """Turn a function that takes a `Call` and its own options into a command."""

    def wrap(function: Callable[..., object]) -> LumbungCommand:
        params: list[click.Parameter] = list(reversed(getattr(function, "__click_params__", [])))
        return LumbungCommand(name, click.pass_obj(function), params, help_key, examples_key, exits)

    return wrap


def _common_options() -> list[click.Parameter]:
    return [
        _Option(
            ["--json", "as_json"],
            is_flag=True,
            expose_value=False,
            callback=_set_json,
            help_key="help.option.json",
        ),
        _Option(
            ["--lang"],
            type=click.Choice([language.value for language in Language]),
            expose_value=False,
            callback=_set_language,
            help_key="help.option.lang",
        ),
        _Option(
            ["--home"],
            type=click.Path(path_type=Path),
            expose_value=False,
            callback=_set_home,
            help_key="help.option.home",
        ),
    ]


def _set_dry(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        _call(ctx).console.is_dry = True


def dry_run(function: F) -> F:
    """--dry-run for a command that judges everything, writes nothing, and says what it would have said.

    What is done shows in `call.console.is_dry`; `write_new` knows it too. A first line says that nothing was written.
    """
    return option("--dry-run", is_flag=True, expose_value=False, callback=_set_dry, help_key="help.dry_run")(function)


def _set_json(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        _call(ctx).console.is_json = True


def _set_language(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        _call(ctx).console.catalogue = Catalogue(Language(value))


def _set_home(ctx: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        _call(ctx).home = value


def _exit_line(words: Catalogue, entry: ExitCode | tuple[ExitCode, str]) -> tuple[str, str]:
    code, key = entry if isinstance(entry, tuple) else (entry, _EXIT_KEYS[entry])
    return str(int(code)), words.text(key)


def _call(ctx: click.Context) -> Call:
    call = ctx.find_root().obj
    assert isinstance(call, Call)
    return call


def _catalogue(ctx: click.Context) -> Catalogue:
    return _call(ctx).console.catalogue
