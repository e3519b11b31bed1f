#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# 100,000 hostile lines through json-file: Python's JSON reader finds each one to the byte, and so
# does dockerd, where the files, rotated and compressed ones too, are put into a container of its
# own. What is no UTF-8 is shown by Docker as it shows its own, and kept in "bytes". The local
# driver's files hold everything exactly.

. "$(dirname "$0")/lib.sh"

lines=50000

docker() {
        /usr/bin/docker --host "unix://$work/docker.sock" "$@"
}

# Not by its unit: no network, and nothing but what lies here.
start_docker() {
        systemd-run --quiet --unit=golden-docker --property=Delegate=yes dockerd \
                --host="unix://$work/docker.sock" --data-root="$work/docker/data" \
                --exec-root="$work/docker/exec" --pidfile="$work/docker/pid" \
                --storage-driver=vfs --bridge=none --iptables=false --ip-masq=false
}

has_docker() {
        docker version >/dev/null 2>&1
}

has_compressed() {
        ! compgen -G "$logs/json-file.log.*[0-9]" >/dev/null
}

# show DRIVER: its files become those of a container that has ended. What `docker logs` says goes to
# the files shown-stdout and shown-stderr.
show() {
        local driver=$1 id path stream file

        id=$(docker create --network=none --log-driver="$driver" --log-opt max-size=1m \
                --log-opt max-file=30 --log-opt compress=true busybox true)
        docker start --attach "$id"
        path=$work/docker/data/containers/$id/
        [ "$driver" = local ] && path+=local-logs/container.log || path+=$id-json.log
        [ -f "$path" ] || fail "dockerd has no $path"
        for file in "$logs/$driver.log"*; do
                cp "$file" "$path${file#"$logs/$driver.log"}"
        done
        docker logs "$id" >shown-stdout 2>shown-stderr

        # Docker reads these from the end.
        docker logs --tail 7 "$id" >tail-stdout 2>tail-stderr
        expect "lines of --tail 7" 7 "$(cat tail-stdout tail-stderr | wc -l)"
        for stream in stdout stderr; do
                tail -c "$(stat -c %s tail-$stream)" shown-$stream | cmp - tail-$stream ||
                        fail "docker logs --tail shows another end of $stream"
        done
}

reset_conlogd
start_docker

python3 -B "$suite/golden.py" write 1 "$lines" stdout
python3 -B "$suite/golden.py" write 2 "$lines" stderr
conlogctl run --id golden --log-driver json-file --log-opt max-size=1M --log-opt max-file=30 \
        --log-driver local --log-opt max-size=1M --log-opt max-file=30 \
        --log-opt compress=no -- \
        sh -c "cat '$work/stderr' >&2 & cat '$work/stdout'; wait"
conlogctl remove golden >/dev/null
logs=/var/log/conlogd/golden
wait_until 10 has_compressed

# From the oldest one on.
find $logs -name 'json-file.log*' | sort --version-sort --reverse | xargs zcat --force >json-file
figures=files=$(find $logs -name '*.gz' | wc -l)
for stream in stdout stderr; do
        figures+=" $(python3 -B "$suite/golden.py" check $stream json-file $stream)"
done

wait_until 20 has_docker
tar --dereference -C "$(dirname "$(command -v busybox)")" -c busybox |
        docker import --change 'ENTRYPOINT ["/busybox"]' - busybox >/dev/null
show json-file
for stream in stdout stderr; do
        cmp shown-$stream $stream.json-file || fail "docker logs shows another $stream of json-file"
done
show local
for stream in stdout stderr; do
        cmp -s shown-$stream $stream.local || cmp shown-$stream $stream.local-old ||
                fail "docker logs shows another $stream of local"
done

systemctl stop golden-docker.service
ok "$figures"
