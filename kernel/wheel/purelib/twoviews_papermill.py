"""papermill's parameters in Rust: `papermill in.ipynb out.ipynb -p epochs 3`.

papermill loads what is named in its group of entry points `papermill.engine`; that is where this module registers its
translator for notebooks in Rust. The engine itself is papermill's own, and nobody has to name it.

A parameter of the cell tagged `parameters` keeps the type that it has there: `let epochs: usize = 4;` and `-p epochs 3`
become `let epochs: usize = Some(3).unwrap_or(epochs);`, in which `epochs` to the right is what the notebook says.
"""

import math
import re

from papermill.engines import NBClientEngine
from papermill.exceptions import PapermillException
from papermill.models import Parameter
from papermill.translators import Translator, papermill_translators

# `let mut name: Type = default; // help`; the default may have several lines.
BINDING = re.compile(r"^[ \t]*let\s+(mut\s+)?(\w+)[ \t]*(?::\s*([^=]+?))?\s*=\s*(.+?);[ \t]*(?://[ \t]*([^\n]*))?$",
                     re.DOTALL | re.MULTILINE)
FLOAT = re.compile(r"-?\d[\d_]*(\.\d[\d_]*)?([eE][+-]?\d+)?(f32|f64)?")
KEYWORDS = frozenset(
    "abstract as async await become box break const continue crate do dyn else enum extern false final fn for gen if impl "
    "in let loop macro match mod move mut override priv pub ref return self Self static struct super trait true try type "
    "typeof unsafe unsized use virtual where while yield _".split())
ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


class RustTranslator(Translator):
    """Values as Rust writes them."""

    # What `inspect` has read and `codify` has not used yet: papermill calls one after the other for a notebook.
    _known: dict[str, tuple[str, str]] = {}

    @classmethod
    def inspect(cls, parameters_cell) -> list[Parameter]:
        source = parameters_cell["source"]
        found = [binding.groups() for binding in BINDING.finditer(source)]
        cls._known = {name: (kind or guessed(default), mutable or "") for mutable, name, kind, default, _ in found}
        return [Parameter(name, kind or "None", " ".join(default.split()), text or "")
                for _, name, kind, default, text in found]

    @classmethod
    def comment(cls, cmt_str: str) -> str:
        return f"// {cmt_str}".strip()

    @classmethod
    def codify(cls, parameters: dict, comment: str = "Parameters") -> str:
        known, cls._known = cls._known, {}
        lines = [cls.comment(comment)]
        for name, value in parameters.items():
            if not re.fullmatch(r"[^\W\d]\w*", name) or name in KEYWORDS:
                raise PapermillException(f"the parameter {name!r} cannot be the name of a variable in Rust")
            try:
                if name in known:
                    kind, mutable = known[name]
                    shown = f": {kind}" if kind else ""
                    lines.append(f"let {mutable}{name}{shown} = Some({literal(value, kind)}).unwrap_or({name});")
                else:
                    lines.append(f"let {name}: {type_of(value)} = {literal(value, type_of(value))};")
            except ValueError as error:
                raise PapermillException(f"the parameter {name} = {value!r}: {error}") from None
        return "\n".join(lines)

    @classmethod
    def translate(cls, val) -> str:
        return literal(val, type_of(val))


def guessed(default: str) -> str:
    """The type of a default that names none, as far as a value for it depends on that."""
    if FLOAT.fullmatch(default) and not re.fullmatch(r"-?[\d_]+", default):
        return "f32" if default.endswith("f32") else "f64"
    if default.startswith('"'):
        return "&'static str"
    return "String" if re.fullmatch(r'(String::from\(".*"\)|".*"\.(to_owned|to_string|into)\(\))', default, re.DOTALL) else ""


def type_of(value) -> str:
    """The type of a value for which the notebook has no default."""
    match value:
        case bool():
            return "bool"
        case int():
            return "i64"
        case float():
            return "f64"
        case str():
            return "String"
        case [first, *_]:
            if any(isinstance(item, float) for item in value) and all(is_number(item) for item in value):
                return "Vec<f64>"
            return f"Vec<{type_of(first)}>"
    raise ValueError(refusal(value))


def is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def refusal(value) -> str:
    if isinstance(value, dict):
        return "a dictionary has no literal in Rust; pass its entries as parameters of their own"
    needs = "give the notebook a cell tagged `parameters` with a default of the type, such as "
    if value is None:
        return needs + "`let x: Option<f64> = None;`"
    return needs + "`let x: Vec<f64> = vec![];`" if value == [] else f"{type(value).__name__} has no form in Rust here"


def literal(value, kind: str) -> str:
    """A value as an expression of the type `kind`; of whatever type is wanted where that is not known."""
    inner = re.fullmatch(r"(?:\w+::)*(Option|Vec)\s*<(.*)>", kind, re.DOTALL)
    if inner and inner[1] == "Option":
        return "None" if value is None else f"Some({literal(value, inner[2].strip())})"
    match value:
        case bool():
            return "true" if value else "false"
        case int() if kind in ("f32", "f64"):
            return f"{value}.0"
        case int():
            return str(value)
        case float():
            return number(value, kind)
        case str():
            return text(value) + {"&'static str": "", "&str": "", "String": ".to_owned()"}.get(kind, ".into()")
        case None if not kind:
            return "None"
        case list():
            if not same_kind(value):
                raise ValueError("the elements of a list have one type in Rust")
            array = re.fullmatch(r"\[(.*);[^;]*\]", kind, re.DOTALL)
            element = inner[2].strip() if inner else array[1].strip() if array else ""
            if not element and any(isinstance(item, float) for item in value):
                element = "f64"
            return f"{'' if array else 'vec!'}[{', '.join(literal(item, element) for item in value)}]"
    raise ValueError(f"it is no {kind}" if kind and value is None else refusal(value))


def same_kind(values: list) -> bool:
    return all(is_number(value) for value in values) or len({type(value) for value in values} - {type(None)}) <= 1


def number(value: float, kind: str) -> str:
    if math.isfinite(value):
        return repr(value)
    kind = kind if kind in ("f32", "f64") else "f64"
    name = "NAN" if math.isnan(value) else "INFINITY" if value > 0 else "NEG_INFINITY"
    return f"{kind}::{name}"


def text(value: str) -> str:
    def escaped(character: str) -> str:
        if "\ud800" <= character <= "\udfff":
            raise ValueError("it is no text: it holds half of a character")
        if character.isprintable():
            return ESCAPES.get(character, character)
        return ESCAPES.get(character) or f"\\u{{{ord(character):x}}}"

    return f'"{"".join(map(escaped, value))}"'


class Engine(NBClientEngine):
    """papermill's own; named here so that papermill loads this module."""


papermill_translators.register("rust", RustTranslator)
