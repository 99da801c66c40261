#!/bin/sh
# run.sh [DATABASE] - builds kappa, trains a teacher and students, shows what distillation gains.
#
# The database is quickstart.db in the project's folder unless named. Run it again: what is done is
# found there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
database=${1:-$root/quickstart.db}
kappa=$root/build/core/app/kappa

sh "$root/tests/setup.sh" build data
[ -f "$root/build/build.ninja" ] ||
    meson setup "$root/build" "$root" -Dtests=false -Dcuda=disabled >/dev/null
ninja -C "$root/build" --quiet

"$kappa" run "$here/students.ini" --db "$database"

echo
echo "Test accuracy of students by kappa, the share of the teacher's 8000 images they have:"
echo
"$kappa" sql --db "$database" "$here/pi.sql"
echo
echo "The table is this question to $database:"
echo
cat "$here/pi.sql"
echo
echo "Ask your own:  $kappa sql --db $database \"SELECT * FROM v_run\""
