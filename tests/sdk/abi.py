"""The layout of the plugin headers, compared with tests/golden/abi.txt: size of each struct, offset
and size of each member, value of each enumerator. KAPPA_GOLDEN=write replaces the golden file.

Within an ABI major structs only grow at the end, and enumerators are only added; each such change
needs a new minor. The golden file is for a 64-bit machine."""
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

HEADERS = ["plugin.h", "layers.h"]


def preprocessed(cc, include):
    text = "".join(f"#include <kappa/{h}>\n" for h in HEADERS)
    run = subprocess.run([*cc, "-std=c17", "-E", "-P", "-I", include, "-x", "c", "-"], input=text,
                         capture_output=True, text=True, check=True)
    return run.stdout


def split(text, separator):
    """At separators outside of brackets."""
    parts, depth = [""], 0
    for c in text:
        depth += (c in "({[") - (c in ")}]")
        if c == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [p.strip() for p in parts if p.strip()]


def bodies(text, word):
    """Name and body of each `word kp_NAME { ... }`."""
    for match in re.finditer(rf"\b{word}\s+(kp_\w+)\s*\{{", text):
        depth, end = 1, match.end()
        while depth > 0:
            depth += (text[end] == "{") - (text[end] == "}")
            end += 1
        yield match.group(1), text[match.end():end - 1]


def member_names(declaration):
    declaration = re.sub(r"__attribute__\s*\(\(.*\)\)", "", declaration, flags=re.S)
    function = re.search(r"\(\s*\*\s*(\w+)\s*\)\s*\(", declaration)
    if function:
        return [function.group(1)]
    return [re.search(r"(\w+)\s*(\[[^\]]*\]\s*)*$", d).group(1) for d in split(declaration, ",")]


def program(text):
    lines = [f"#include <kappa/{h}>\n" for h in HEADERS]
    lines += ["#include <stdio.h>\n", "int main(void)\n{\n",
              'printf("abi %d.%d\\n", KP_ABI_MAJOR, KP_ABI_MINOR);\n']
    for name, body in sorted(bodies(text, "struct")):
        lines.append(f'printf("\\nstruct {name} %zu\\n", sizeof(struct {name}));\n')
        for declaration in split(body, ";"):
            for m in member_names(declaration):
                lines.append(f'printf("  %zu %zu {m}\\n", offsetof(struct {name}, {m}), '
                             f"sizeof(((struct {name} *)0)->{m}));\n")
    for name, body in sorted(bodies(text, "enum")):
        lines.append(f'printf("\\nenum {name} %zu\\n", sizeof(enum {name}));\n')
        for enumerator in split(body, ","):
            constant = enumerator.split("=")[0].strip()
            lines.append(f'printf("  %d {constant}\\n", (int){constant});\n')
    return "".join(lines) + "return 0;\n}\n"


def layout(cc, include):
    with tempfile.TemporaryDirectory() as folder:
        source, binary = pathlib.Path(folder, "abi.c"), pathlib.Path(folder, "abi")
        source.write_text(program(preprocessed(cc, include)))
        subprocess.run([*cc, "-std=gnu17", "-w", "-I", include, "-o", binary, source, "-lm"],
                       check=True)
        return subprocess.run([binary], capture_output=True, text=True, check=True).stdout


def blocks(text):
    """First words of a block -> its lines; the size in the first line is left out."""
    found = {}
    for block in text.strip().split("\n\n"):
        head, *rest = block.split("\n")
        found[" ".join(head.split()[:2])] = rest
    return found


def judge(old, new):
    """What is wrong with a change, in lines; empty if it only appends."""
    wrong = []
    before, after = blocks(old), blocks(new)
    for head, lines in before.items():
        if head.startswith("abi"):
            continue
        if head not in after:
            wrong.append(f"{head} is gone")
        elif head.startswith("struct") and after[head][:len(lines)] != lines:
            wrong.append(f"{head}: members have changed, moved or gone")
        elif head.startswith("enum") and not set(lines) <= set(after[head]):
            wrong.append(f"{head}: enumerators have changed or gone")
    return wrong


def main():
    source, *cc = sys.argv[1:]
    golden = pathlib.Path(source, "tests/golden/abi.txt")
    if struct.calcsize("P") != 8:
        print("skipped: the golden file is for a 64-bit machine")
        return 77
    new = layout(cc or ["cc"], str(pathlib.Path(source, "plugins/include")))
    if os.environ.get("KAPPA_GOLDEN") == "write":
        golden.write_text(new)
    old = golden.read_text()
    if new == old:
        return 0
    old_abi, new_abi = old.split("\n")[0], new.split("\n")[0]
    wrong = judge(old, new)
    print(f"the plugin headers are not as {golden} has them ({old_abi}; now {new_abi})")
    for line in wrong:
        print(f"  {line}")
    if wrong:
        print("plugins that are built would break: append only, or begin a new major")
    elif old_abi == new_abi:
        print("only appended: raise KP_ABI_MINOR, then KAPPA_GOLDEN=write")
    else:
        print("only appended, in a new minor: KAPPA_GOLDEN=write")
    return 1


sys.exit(main())
