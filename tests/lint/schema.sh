#!/bin/sh
# schema.sh - docs/schema.md says what core/store/schema.sql says.
set -eu
cd "${1:-$(dirname "$0")/../..}"
command -v python3 >/dev/null || {
    echo "skipped: python3 is not installed"
    exit 77
}
python3 docs/make_schema.py core/store/schema.sql | cmp - docs/schema.md || {
    echo "docs/schema.md is out of date; make it anew:"
    echo "python3 docs/make_schema.py core/store/schema.sql >docs/schema.md"
    exit 1
}
