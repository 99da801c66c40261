# test_open.sh - what [device] kind = cuda says where it cannot work: one sentence a reason.
. "$(dirname "$0")/../cli/lib.sh"
emulated=$KAPPA_CUDA_BACKEND

make_data
make_experiment

# says TEXT [ARGUMENT...]: a run on the GPU fails and names the reason.
says() {
    text=$1
    shift
    try 1 "$kappa" run teacher.ini --set device.kind=cuda "$@"
    has err "device cuda: $text"
    is "$(grep -c . err)" 1 "lines of the error"
}

KAPPA_EMU_DEVICES=0 says "the driver finds no GPU"
KAPPA_EMU_DRIVER=12040 says "the NVIDIA driver is too old: it serves CUDA 12.4"
KAPPA_EMU_CAPABILITY=75 says "an emulated GPU has compute capability 7.5; this kappa needs 8.0"
KAPPA_CUDA_BACKEND=$work/nowhere.so says "$work/nowhere.so: cannot open"
KAPPA_CUDA_BACKEND=$build/objectives/kd.so says "$build/objectives/kd.so is no backend of kappa"

# A sweep says it once and begins no run; where only some cells want the GPU, the others are done.
sweep=students.ini
for jobs in 1 2; do
    KAPPA_EMU_DEVICES=0 try 1 "$kappa" run $sweep --db none.db --set device.kind=cuda --jobs $jobs
    is "$(grep -c . err)" 1 "lines of the error of a sweep, $jobs at once"
    is "$("$kappa" sql --db none.db --format csv "SELECT count(*) FROM run" | tr -d '\r' |
        tail -n 1)" 0 "runs that began"
done
KAPPA_EMU_DEVICES=0 try 1 "$kappa" run $sweep --db some.db --set device.kind=cuda \
    --set teacher:device.kind=cpu
has out "1 done, 0 found done, 8 failed"

# A library that the object needs is named, whichever it is.
${CC:-cc} -shared -Wl,-soname,libabsent.so.9 -x c /dev/null -o libabsent.so.9
${CC:-cc} -shared -Wl,--no-as-needed -x c /dev/null -o needs.so -L. -l:libabsent.so.9
rm libabsent.so.9
KAPPA_CUDA_BACKEND=$work/needs.so says "libabsent.so.9 is missing, which $work/needs.so needs"

# A convolution for which cuDNN has nothing that the rules allow.
KAPPA_EMU_ENGINES=4 try 1 "$kappa" run teacher.ini --set device.kind=cuda --set model.plugin=cnn \
    --set model.cnn.width=4
has err "the convolution with conv0.weight: fp32 forward (32,1,8,8) by (4,1,3,3), stride 1x1"
has err "none of the 4 engines"
KAPPA_EMU_CUDNN=90500 try 1 "$kappa" run teacher.ini --set device.kind=cuda --set model.plugin=cnn
has err "device cuda: cuDNN 9.5 is too old; convolutions need 9.8"

# Whichever call of cuDNN fails, the run says so and leaves nothing behind; or it does without that
# engine. (What is left behind makes the exit status 86.)
failed=0
for call in 1 2 3 4 5 6 12 25 60 90 120 121 122 130 140 150 200 400; do
    KAPPA_EMU_CUDNN_FAIL=$call "$kappa" run teacher.ini --set device.kind=cuda \
        --set model.plugin=cnn --set model.cnn.width=2 --set seed.master=1$call >out 2>err
    status=$?
    if [ $status -eq 1 ] && grep -q "the emulated cuDNN\|none of the" err; then
        failed=$((failed + 1))
    elif [ $status -ne 0 ]; then
        bad "call $call of cuDNN fails: status $status"
        cat err
    fi
done
[ $failed -ge 8 ] || bad "of the runs in which a call of cuDNN fails only $failed end with an error"

KAPPA_EMU_DEVICES=2 CUDA_VISIBLE_DEVICES=1 says \
    "device.index = 1, but this process sees 1 GPU (CUDA_VISIBLE_DEVICES = 1); 0 is the only one" \
    --set device.index=1
KAPPA_EMU_DEVICES=2 says \
    "device.index = 7, but this process sees 2 GPUs (CUDA_VISIBLE_DEVICES is not set); 0 to 1" \
    --set device.index=7

# An operation of a plugin: without the memory that it wants; with a copy that fails, its own at
# last.
set -- --set device.kind=cuda --set plugins.path="$build/plugins/examples" \
    --set model.plugin=group_norm_cnn --set "model.group_norm_cnn.channels=8 16"
KAPPA_EMU_PINNED=1000 try 1 "$kappa" run teacher.ini "$@"
has err "bytes of pinned memory for operations of plugins: out of memory"
for copy in 10 20 30 40 50; do
    KAPPA_EMU_FAIL=$copy "$kappa" run teacher.ini "$@" >out 2>err
    is $? 1 "status of a run whose copy $copy fails"
    grep -F "operation 'group_norm': an error of the emulated device" err >>named
done
[ -s named ] || bad "no copy of an operation of a plugin fails by its name"

# auto goes on with the processor and says why.
KAPPA_EMU_DEVICES=0 try 0 "$kappa" run teacher.ini
has out "(auto: device cuda: the driver finds no GPU"
try 0 "$kappa" run teacher.ini --set seed.master=13
has out "device: cuda-emu"
has out "(auto: there is a GPU)"

# What kappa doctor measures is a number each.
try 0 "$kappa" doctor --device=cuda --json
python3 -c '
import json, sys
rates = [v for k, v in json.load(open("out")).items() if k.endswith("_per_second")]
sys.exit(len(rates) != 4 or min(rates) <= 0)' || bad "not four rates: $(cat out)"
try 0 "$kappa" doctor --device=cuda
has out "device cuda: cuda-emu"
KAPPA_EMU_DEVICES=0 try 1 "$kappa" doctor --device=cuda
is "$(cat err)" "kappa: device cuda: the driver finds no GPU: no CUDA-capable device is detected" \
    "what doctor says without a GPU"
try 2 "$kappa" doctor --json
has err "--json is for what is measured"

# One of several GPUs, of those that the process may see.
KAPPA_EMU_DEVICES=2 try 0 "$kappa" run teacher.ini --set device.kind=cuda --set device.index=1 \
    --set seed.master=15
has out "device 1 (an emulated GPU)"

# statuses KEY: of the runs that differ in it, by its value.
statuses() {
    ask "SELECT group_concat(text || ' ' || status, '; ') FROM (SELECT p.text, r.status
        FROM run r JOIN param p ON p.run = r.id WHERE p.key = '$1' ORDER BY p.text)"
}

# Out of memory: the run has failed, the next one goes on.
rm -rf kappa.db*
KAPPA_EMU_MEMORY=40000000 try 1 "$kappa" run teacher.ini --set device.kind=cuda \
    --sweep model.mlp.hidden=20000,8
has err "memory"
is "$(statuses model.mlp.hidden)" "20000 failed; 8 done" "runs after one without memory"

# A broken device: the other runs, and the broken one anew, go on in another process.
rm -rf kappa.db*
KAPPA_EMU_FAIL=40 KAPPA_EMU_FAIL_ONCE=$work/failed try 0 "$kappa" run teacher.ini \
    --set device.kind=cuda --sweep seed.master=11,13,17 --set run.cohort=off
has err "an error of the emulated device on an emulated GPU"
has err "the other runs go on in a process of their own"
is "$(ask "SELECT count(*), sum(status = 'done'), max(attempt) FROM run")" 3,3,2 \
    "runs on a device that breaks once"
rm -rf kappa.db*
KAPPA_EMU_FAIL=40 try 1 "$kappa" run teacher.ini --set device.kind=cuda --sweep seed.master=11,13 \
    --set run.cohort=off
is "$(statuses seed.master)" "11 failed; 13 failed" "runs on a device that always breaks"

unset KAPPA_CUDA_BACKEND
try 0 env PATH="$PATH" "$kappa" doctor
has out "device cuda: "
[ -e "$emulated" ] || bad "there is no $emulated"
finish
