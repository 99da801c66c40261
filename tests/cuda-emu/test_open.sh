# test_open.sh - what [device] kind = cuda says where it cannot work: one sentence a reason.
. "$(dirname "$0")/../cli/lib.sh"
emulated=$KAPPA_CUDA_BACKEND

make_data
make_experiment

# says TEXT: a run on the GPU fails and names the reason.
says() {
    try 1 "$kappa" run teacher.ini --set device.kind=cuda
    has err "device cuda: $1"
    is "$(grep -c . err)" 1 "lines of the error"
}

KAPPA_EMU_DEVICES=0 says "the driver finds no GPU"
KAPPA_EMU_DRIVER=12040 says "the NVIDIA driver is too old: it serves CUDA 12.4"
KAPPA_EMU_CAPABILITY=75 says "an emulated GPU has compute capability 7.5; this kappa needs 8.0"
KAPPA_CUDA_BACKEND=$work/nowhere.so says "$work/nowhere.so: cannot open"
KAPPA_CUDA_BACKEND=$build/objectives/kd.so says "$build/objectives/kd.so is no backend of kappa"

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

# auto goes on with the processor and says why.
KAPPA_EMU_DEVICES=0 try 0 "$kappa" run teacher.ini
has out "(auto: device cuda: the driver finds no GPU"
try 0 "$kappa" run teacher.ini --set seed.master=13
has out "device: cuda-emu"
has out "(auto: there is a GPU)"

# Out of memory and a broken device end the run, not the program.
KAPPA_EMU_MEMORY=40000000 try 1 "$kappa" run teacher.ini --set device.kind=cuda \
    --set seed.master=17 --set model.mlp.hidden=20000
has err "memory"
KAPPA_EMU_FAIL=40 try 1 "$kappa" run teacher.ini --set device.kind=cuda --set seed.master=19
has err "an emulated GPU"

unset KAPPA_CUDA_BACKEND
try 0 env PATH="$PATH" "$kappa" doctor
has out "device cuda: "
[ -e "$emulated" ] || bad "there is no $emulated"
finish
