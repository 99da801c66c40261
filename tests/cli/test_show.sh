# test_show.sh - kappa show and kappa plan of an experiment.
. "$(dirname "$0")/lib.sh"
make_data
make_experiment

try 0 "$kappa" plan students.ini --list
has out "9 runs (8 cells): 0 done, 0 running, 0 started, 9 missing"
has out "   1  teacher patterns mlp lt seed 11 "
has out "kd tau 4 kappa 0.5 seed 13"
has out "unknown until one run is done"
# MLP 64-16-10, 200 examples, 3 epochs, forward and backward: 3 (2 (64 16 + 16 10)) 600.
has out "4.26 M"
[ ! -e kappa.db ] || bad "plan made a database"
try 0 "$kappa" plan students.ini --set data.root=nowhere
has out "FLOPs: unknown"

try 0 "$kappa" show students.ini
has out "; run 2 of 9: student patterns mlp lt kappa 0.2 seed 11"
has out "hidden = 16 ; base.ini:11"
has out "batch = 32 ; base.ini:14"
has out "crop_pad = 0 ; default"
has out "kappa = 0.2 ; students.ini:8 [sweep]"
try 0 "$kappa" show students.ini --cell 9 --set train.batch=40
has out "batch = 40 ; --set"
has out "tau = 4 ; students.ini:4"
try 2 "$kappa" show students.ini --cell 10
has err "1 to 9"
try 2 "$kappa" show nothing.ini
has err "nothing.ini: no such file"
try 2 "$kappa" show 01ABC
has err "kappa.db"
[ ! -e kappa.db ] || bad "show made a database"

# Where the data lie is nobody's concern until they are opened.
nowhere='data.root=${env:KAPPA_NOWHERE}'
try 0 "$kappa" plan students.ini --set "$nowhere"
has out "FLOPs: unknown"
try 0 "$kappa" show students.ini --set "$nowhere"
has out 'root = ${env:KAPPA_NOWHERE} ; --set'
try 2 "$kappa" run students.ini --set "$nowhere"
has err "data.root, from --set: the environment variable KAPPA_NOWHERE is not set; set it"
[ ! -e kappa.db ] || bad "run made a database without data"

# Plain smoothing has no temperature.
try 0 "$kappa" show students.ini --set objective.plugin=ls
has out "student patterns mlp ls tau 20 kappa 0.2 seed 11"
try 0 "$kappa" show students.ini --set objective.plugin=ls --set objective.ls.variant=plain
has out "student patterns mlp ls kappa 0.2 seed 11"

# A database is only read: not even its folder is made anew, and one that cannot be written will do.
try 0 "$kappa" run teacher.ini --quiet
rm -r kappa.db.d
before=$(sha256sum kappa.db)
try 0 "$kappa" plan students.ini
has out "1 done, 0 running, 0 started, 8 missing"
try 0 "$kappa" show students.ini
is "$(sha256sum kappa.db)" "$before" "the database after plan and show"
[ ! -e kappa.db.d ] || bad "plan or show made kappa.db.d"

# What is shown is an experiment of the same hash.
for cell in 1 2 9; do
    try 0 "$kappa" show students.ini --cell $cell
    grep '^; configuration' out >first
    mv out shown.ini
    n=$([ $cell -eq 1 ] && echo 1 || echo 2)
    try 0 "$kappa" show shown.ini --cell "$n"
    is "$(grep '^; configuration' out)" "$(cat first)" "hash of run $cell, printed and read again"
done
finish
