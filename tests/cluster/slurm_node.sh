# slurm_node.sh - a Slurm of one node in the folder $work/slurm, for the test that sources this.
# start_slurm gives 0, or prints why it cannot be had; stop_slurm ends what was started.

slurm_pids=

start_slurm() {
    for program in munged slurmctld slurmd sbatch squeue scancel setpriv; do
        PATH=$PATH:/usr/sbin:/sbin command -v $program >/dev/null || {
            echo "$program is not installed"
            return 1
        }
    done
    [ "$(id -u)" -eq 0 ] || { echo "munged and slurmd are started as root"; return 1; }
    id munge >/dev/null 2>&1 || { echo "there is no user munge"; return 1; }
    PATH=$PATH:/usr/sbin:/sbin
    slurm=$work/slurm
    node=$(hostname -s)
    port=$((20000 + $$ % 20000))
    chmod 755 "$work"
    mkdir -p "$slurm/state" "$slurm/spool" "$slurm/munge"
    chmod 755 "$slurm"
    dd if=/dev/urandom of="$slurm/munge/key" bs=128 count=1 2>/dev/null
    chmod 400 "$slurm/munge/key"
    chown -R munge: "$slurm/munge"
    chmod 755 "$slurm/munge"
    cat >"$slurm/slurm.conf" <<CONF
ClusterName=kappa
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
AuthType=auth/munge
AuthInfo=socket=$slurm/munge/socket
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$slurm/state
SlurmdSpoolDir=$slurm/spool
SlurmctldPidFile=$slurm/slurmctld.pid
SlurmdPidFile=$slurm/slurmd.pid
SlurmctldLogFile=$slurm/slurmctld.log
SlurmdLogFile=$slurm/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
SchedulerParameters=batch_sched_delay=0,sched_interval=1
NodeName=$node NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
    export SLURM_CONF="$slurm/slurm.conf"
    setpriv --reuid munge --regid munge --clear-groups munged --foreground --force \
        --key-file "$slurm/munge/key" --socket "$slurm/munge/socket" \
        --pid-file "$slurm/munge/pid" --log-file "$slurm/munge/log" \
        --seed-file "$slurm/munge/seed" >"$slurm/munged.out" 2>&1 &
    slurm_pids=$!
    i=0
    while [ ! -S "$slurm/munge/socket" ] && [ $i -lt 50 ]; do
        i=$((i + 1))
        sleep 0.1
    done
    slurmctld -D >"$slurm/slurmctld.out" 2>&1 &
    slurm_pids="$slurm_pids $!"
    slurmd -D -N "$node" >"$slurm/slurmd.out" 2>&1 &
    slurm_pids="$slurm_pids $!"
    i=0
    while ! sinfo -h -o %T 2>/dev/null | grep -q idle; do
        i=$((i + 1))
        [ $i -lt 150 ] || {
            echo "its node does not come up:"
            tail -n 1 "$slurm/slurmctld.out" "$slurm/slurmd.out"
            return 1
        }
        sleep 0.2
    done
}

# Until no job is left; cancels all after a minute and a half.
wait_for_jobs() {
    i=0
    while [ -n "$(squeue -h)" ]; do
        i=$((i + 1))
        [ $i -lt 180 ] || { bad "jobs do not end: $(squeue -h)"; scancel -u root; return; }
        sleep 0.5
    done
}

stop_slurm() {
    # The node's last steps end before their supervisor; the newest first.
    for pid in $(echo "$slurm_pids" | awk '{ for (i = NF; i > 0; i--) print $i }'); do
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
}
