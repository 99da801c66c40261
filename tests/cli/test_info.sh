# test_info.sh - kappa info.
. "$(dirname "$0")/lib.sh"

try 0 "$kappa" info kd
has out "objective kd"
has out "KL(softmax(t / tau) || softmax(z / tau))"
has out "KL(softmax(t / 20) || softmax(z / 20))"
has out "real, 0.001 to"
has out "one of none tau tau2"
has out "ABI 1.2"
has out "$build/objectives/kd.so"
has out "sha256 $(sha256sum "$build/objectives/kd.so" | cut -d' ' -f1)"
has out "label_weight * CE(z, y) + kd_weight * tau^2 * KL"
has out "0 * CE(z, y) + 1 * 20^2 * KL"
try 0 "$kappa" info kd --set objective.kd.tau=5 --set objective.kd.tau_scale=none
has out "1 * KL(softmax(t / 5) || softmax(z / 5))"
try 0 "$kappa" info kd --set objective.kd.asymmetric=true --set objective.kd.reduction=mean
has out "1 * KL(softmax(t / 20) || softmax(z)) / K"
try 0 "$kappa" info ls
has out "0.1 * 20^2 * KL(softmax(q / 20) || softmax(z / 20))"
has out "q_y = 0.99, q_k = (1 - q_y) / (1 - K)"
try 0 "$kappa" info ls --set objective.ls.variant=yuan_reg --set objective.ls.multiplier=100
has out "0.1 * 100 / K * KL(softmax(q / 20) || softmax(z))"
try 0 "$kappa" info ls --set objective.ls.variant=plain
has out "- sum_k q_k log softmax(z)_k, q_y = 1 - 0.1, q_k = (1 - q_y) / (K - 1)"
try 0 "$kappa" info l2 --set objective.l2.reduction=sum --set objective.l2.centred=true
has out "sum_k ((z_k - mean z) - (t_k - mean t))^2"
try 0 "$kappa" info hardkd
has out "CE(z, argmax t)"
try 2 "$kappa" info kd --set objective.kd.tau=hot
has err "kappa: --set objective.kd.tau=hot: 'hot'"
try 2 "$kappa" info kd --set objective.kd.tao=5
has err "did you mean 'tau'?"
try 2 "$kappa" info kd --set train.lr=5
has err "no option of 'kd'"
try 0 "$kappa" info cnn
has out "[model.cnn]"
has out "width"
try 0 "$kappa" info fidelity
has out "agreement"
has out "higher is better"
has out "kl = mean sum_k p_k log(p_k / q_k), p = softmax(t), q = softmax(z)"
try 0 "$kappa" info flops
has out "run/params        trainable scalars"
lacks out "SPLIT/"
try 0 "$kappa" info cka
has out "[analysis.cka]"
has out "finished runs and what they are compared with"
has out "SPLIT/cka"
lacks out "[metric.cka]"
has out "cka = tr(K H L H) / sqrt(tr(K H K H) tr(L H L H))"
has out "rows of length 1"
try 0 "$kappa" info cka --set analysis.cka.estimator=unbiased \
    --set analysis.cka.normalise_rows=false
has out "cka = HSIC_1(K, L) / sqrt(HSIC_1(K, K) HSIC_1(L, L))"
lacks out "rows of length 1"
for section in run data train seed device teacher metrics analysis; do
    try 0 "$kappa" info "$section"
    has out "[$section]"
done
try 0 "$kappa" info train --set train.lr=0.25
has out "= 0.25"
try 2 "$kappa" info knn
has err "did you mean 'cnn'?"
try 2 "$kappa" info something_else
has err "kappa list"
finish
