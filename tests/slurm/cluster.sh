# Sourced: a SLURM of one node on the loopback interface, for the length of a script. start_cluster FOLDER, stop_cluster.
# Its files are in FOLDER, but for two of configuration, which job steps look for in the system's folder only.

CONFIGURATION=(/etc/slurm/slurm.conf /etc/slurm/gres.conf)
DAEMONS=()

start_cluster() { # FOLDER
    local folder=$1
    mkdir -p "$folder"/{state,spool,munge}
    chmod 755 "$(dirname "$folder")" "$folder" # for munge, which is another user
    start_munge "$folder/munge"
    write_configuration "$folder"
    start_daemon "$folder/slurmctld.out" slurmctld -D
    start_daemon "$folder/slurmd.out" slurmd -D -N localhost
    wait_for "the node to be idle" node_is_idle
}

stop_cluster() {
    [ ! -e "${CONFIGURATION[0]}" ] || timeout 60 scancel --user "$(id -un)" || true
    [ ! -e "${CONFIGURATION[0]}" ] || wait_for "jobs to end" no_jobs || true
    local pid
    for pid in "${DAEMONS[@]}"; do
        kill "$pid" 2>/dev/null && wait "$pid" || true
    done
    rm -f "${CONFIGURATION[@]}"
}

start_munge() { # FOLDER, with a key of its own; the daemon wants to be the owner
    local folder=$1
    (umask 077 && head -c 1024 /dev/urandom >"$folder/key")
    chown -R munge:munge "$folder"
    start_daemon "$folder.out" setpriv --reuid=munge --regid=munge --init-groups munged --foreground \
        --key-file="$folder/key" --socket="$folder/socket" --pid-file="$folder/pid" \
        --log-file="$folder/log" --seed-file="$folder/seed"
    wait_for "munge" test -S "$folder/socket"
}

start_daemon() { # OUTPUT COMMAND...
    local output=$1
    shift
    "$@" >"$output" 2>&1 &
    DAEMONS=("$!" "${DAEMONS[@]}")
}

node_is_idle() { [ "$(sinfo --noheader --format=%T 2>/dev/null)" = idle ]; }

no_jobs() { [ -z "$(squeue --noheader)" ]; }

wait_for() { # WHAT COMMAND...
    local what=$1 try
    shift
    for try in $(seq 60); do
        ! "$@" || return 0
        sleep 0.5
    done
    echo "error: waited 30 s for $what" >&2
    return 1
}

free_ports() { # two ports that nobody listens on
    python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(s.getsockname()[1] for s in sockets))'
}

write_configuration() { # FOLDER
    local folder=$1 controller node memory
    read -r controller node <<<"$(free_ports)"
    memory=$(awk '/MemTotal/ {print int($2 / 1024 * 0.9)}' /proc/meminfo)
    mkdir -p /etc/slurm
    cat >"${CONFIGURATION[0]}" <<EOT
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort=$controller
SlurmdPort=$node
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
JobCompType=jobcomp/filetxt
JobCompLoc=$folder/jobs.txt
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=5
JobAcctGatherParams=OverMemoryKill
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
KillWait=5
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
NodeName=localhost NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=$memory Gres=gpu:1
PartitionName=test Nodes=localhost Default=YES State=UP
EOT
    echo "NodeName=localhost Name=gpu Count=1 File=/dev/null" >"${CONFIGURATION[1]}"
}
