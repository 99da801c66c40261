# test_broken.sh - kappa check finds the fault of each plugin of this folder, and says what it is.
. "$(dirname "$0")/../cli/lib.sh"
broken=$source/tests/plugins-broken
command -v cc >/dev/null || {
    echo "skipped: there is no C compiler cc"
    exit 77
}
"$kappa" check "$build/objectives/kd.so" --only valgrind | grep -q "built with a sanitizer" && {
    echo "skipped: this kappa was built with a sanitizer, beside which a plugin's does not work"
    exit 77
}

checked=
# caught FILE TEST TEXT...: this test fails with these words.
caught() {
    file=$1 test=$2
    checked="$checked $file.c"
    shift 2
    try 1 "$kappa" check "$broken/$file.c" --only "$test" --time 20
    for text in "$@"; do
        has out "$text"
    done
    grep -q "^failed .*$test: " out || bad "$test does not fail: $tried"
}

# sanitized FILE TEST TEXT...: the same where the compiler has the sanitizer.
sanitized() {
    try 1 "$kappa" check "$broken/$1.c" --only "$2" --time 20
    grep -q '^not checked' out || caught "$@"
}

caught bad_bound options "SIGFPE" "in build" "groups = 0"
caught bad_default manifest "option 'weight': its default: '20' is out of range"
caught batch_dependence examples "other logits alone than in a batch"
caught batch_mean chunks "of all rows at once" "pieces of 1"
caught calls_exit shapes "ended the process with exit status 0 in loss"
caught changes_self shapes "in forward" "it wrote to its state struct, which it must not change"
caught crash_in_build shapes "SIGSEGV" "in build"
caught data_race instances "beside an instance in another thread"
caught dependent_examples numbers "alone is another than read with others"
caught dependent_rows mean "sum(w l) / sum(w)"
caught ignores_errors errors "SIGSEGV" "in build" "request 1 of memory failing"
caught ignores_stride devices "on the cpu" "on the reference device"
caught memory_leak leaks "leaves at least 816 bytes allocated"
caught missing_symbol manifest "does not define kp_plugin_v1"
caught missing_value chunks "result() does not write value 0"
caught nondeterminism determinism "the same twice gives other bits"
caught out_of_bounds shapes "in the row function" "it reached behind the end of row->grad"
caught out_of_bounds_build shapes "in build" "behind the end of memory of kp_build_alloc()"
caught overlapping_options manifest "option 'other': it fills the same field as an option before it"
caught shared_state instances "a tensor of another model on this tape"
caught shared_buffer numbers "while another thread reads"
caught silent_refusal shapes "without saying why"
caught symbol_leak symbols "it exports weigh beside kp_plugin_v1"
caught uninitialised initialised "depend on what memory held"
caught uninitialised_local initialised "depend on what memory held"
caught unknown_value determinism "it emits 'median', which is none of its values"
caught unweighted mean "sum(w l) / sum(w)"
caught wrong_abi manifest "built for plugin ABI 2.0, this kappa has 1." "rebuild it"
caught wrong_gradient gradients "the gradient of weight is wrong"
caught wrong_op_gradient gradients "the gradient of operand1 is wrong"
caught wrong_size manifest "definition of" "set .size = sizeof(...)"

try 1 "$kappa" check "$broken/infinite_loop.c" --only shapes --time 1
has out "still at work after 1 s in loss"
checked="$checked infinite_loop.c"

sanitized data_race sanitize-threads "ThreadSanitizer: data race in observe (data_race.c:"
sanitized memory_leak sanitize-memory "irect leak of" "in build (memory_leak.c:"
sanitized overrun sanitize-memory "heap-buffer-overflow" "in observe (overrun.c:"
sanitized undefined sanitize-memory "runtime error" "shift exponent"
if command -v valgrind >/dev/null; then
    caught uninitialised_local valgrind "ninitialised" "in observe (uninitialised_local.c:"
    caught memory_leak valgrind "definitely lost" "in build (memory_leak.c:"
fi

for file in "$broken"/*.c; do
    name=$(basename "$file")
    case " $checked " in
    *" $name "*) ;;
    *) bad "$name: nothing says which test finds its fault" ;;
    esac
done
finish
