"""Writes the description of the run database, docs/schema.md, from core/store/schema.sql.

usage: make_schema.py SCHEMA.sql >schema.md

The comments of the schema are its documentation: those at the head of a statement tell what a row
is, those behind a column what stands in it; an indented comment goes on with the line above.
"""
import re
import sqlite3
import sys
import textwrap

HEAD = """# The run database

Made from `core/store/schema.sql` by `docs/make_schema.py`: change that file, not this one.

`kappa.db` is an SQLite file: `kappa sql "SELECT ..."` asks it, and so does the shell of SQLite.
Begin with the views:
{views}.
`kappa sql --list` names ready-made questions.
"""


def statements(text):
    """(kind, name, lines) of each table and view."""
    for match in re.finditer(r"^CREATE (TABLE|VIEW) (\w+)(.*?);\s*(?:--.*)?$", text, re.M | re.S):
        yield match[1].lower(), match[2], match[3].split("\n")[1:]


def head(lines):
    """The comment that a statement begins with."""
    words = []
    for line in lines:
        if not line.strip().startswith("--"):
            break
        words.append(line.strip()[2:].strip())
    return " ".join(words), lines[len(words):]


def comments(lines):
    """(code, comment) pairs; a comment alone on its line goes on with the one above."""
    pairs = []
    for line in lines:
        code, mark, comment = line.partition("--")
        if mark and not code.strip() and pairs:
            pairs[-1][1] = f"{pairs[-1][1]} {comment.strip()}".strip()
        else:
            pairs.append([code.strip(), comment.strip()])
    return pairs


def column_comment(pairs, name):
    """What is said behind the column's definition, or behind its place in a SELECT."""
    end = re.compile(rf"(^|[\s.]){re.escape(name)},?\)?$")
    for code, comment in pairs:
        if code.split(" ")[0] == name and re.match(r"\w+ (INTEGER|REAL|TEXT)", code):
            return comment
        if comment and end.search(code):
            return comment
    return ""


def cell(text):
    return text.replace("|", "\\|")


def main(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    db = sqlite3.connect(":memory:")
    db.executescript(text)
    found = list(statements(text))
    views = ", ".join(f"`{name}`" for kind, name, _ in found if kind == "view")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    runs = next(comments(head(lines)[1]) for _, name, lines in found if name == "run")
    print(HEAD.format(views=textwrap.fill(views, 100)) + f"\nThis is version {version} of the schema (`PRAGMA "
          "user_version`); kappa brings older ones\nforward. Times are seconds since 1970 in UTC. A "
          "number that was NaN or infinite is NULL, with the\nword in `flag`.")
    for wanted, title in (("view", "Views"), ("table", "Tables")):
        print(f"\n## {title}")
        for kind, name, lines in found:
            if kind != wanted:
                continue
            what, rest = head(lines)
            pairs = comments(rest)
            print(f"\n### {name}\n\n{what}\n\n| column | type | what |\n|---|---|---|")
            for _, column, type_, *_ in db.execute(f"PRAGMA table_info({name})"):
                comment = column_comment(pairs, column)
                if not comment and kind == "view":
                    comment = column_comment(runs, column)
                print(f"| `{column}` | {type_.lower()} | {cell(comment)} |")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
