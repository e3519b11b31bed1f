# fish completion for conlogctl(1)
# SPDX-License-Identifier: LGPL-2.1-or-later

# What the daemon says, or nothing; only what no shell would expand.
function __conlogctl_containers
    conlogctl list --json=short 2>/dev/null |
        string match -rag '"(?:id|name)":"([A-Za-z0-9][A-Za-z0-9_.-]*)"'
end

function __conlogctl_drivers
    conlogctl drivers --json=short 2>/dev/null | string match -rag '"name":"([a-z0-9-]+)"'
end

function __conlogctl_drivers_of --argument-names container
    conlogctl show --json=short -- $container 2>/dev/null |
        string match -rag '"driver":"([a-z0-9-]+)"'
end

# The options of a driver, as KEY= or, where the rule says "one or other: ...", as KEY=VALUE;
# without a driver those of the default.
function __conlogctl_options --argument-names driver
    set -l here
    set -l key
    for token in (conlogctl drivers --json=short 2>/dev/null |
            string match -ar '"(?:name|isDefault|key|rule)":(?:"(?:[^"\\\\]|\\\\.)*"|true)')
        set -l member (string match -r '^"(\w+)":"?(.*?)"?$' -- $token)
        switch $member[2]
            case name
                set here $member[3]
            case isDefault
                test -n "$driver"; or set driver $here
            case key
                set key (string match -r '^[a-z0-9-]+$' -- $member[3])
            case rule
                test "$here" = "$driver"; and test -n "$key"; or continue
                set -l values (string replace -r ':.*' '' -- $member[3])
                if string match -qr '^[a-z-]+((, | or )[a-z-]+)*$' -- $values
                    printf "$key=%s\n" (string replace -ar ', | or ' \n -- $values | string split \n)
                else
                    echo $key=
                end
        end
    end
end

# What is known of the command line: what to complete, and the words that count.
function __conlogctl_complete
    set -l making --id= --name= --image= --image-id= --label= --env= --unit= --log-driver= \
        --log-opt=
    set -l common --help --version --json= --no-legend --socket=
    set -l with_value $making $common --stdout= --stderr= --exec= --add-driver= --remove-driver= \
        --lines= --since= --until= --stream= --grep= --output= --driver= --namespace= \
        --directory= -D= -n= -g= -o=
    set -l words (commandline -opc)
    set -l cur (commandline -ct)
    set -l option
    set -l prefix
    set -l verb
    set -l container
    set -l driver
    set -l last_driver
    set -l i 2
    while test $i -le (count $words)
        set -l word $words[$i]
        set i (math $i + 1)
        switch $word
            case --
                # The command of a container.
                set -e words[1..(math $i - 1)]
                complete -C (string join " " -- $words $cur)
                return
            case '-*'
                if not string match -q -- '*=*' $word; and test $word != --json
                    and contains -- $word= $with_value
                    if test $i -gt (count $words)
                        set option $word
                        break
                    end
                    set word $word=$words[$i]
                    set i (math $i + 1)
                end
                switch $word
                    case '--log-driver=*'
                        set driver (string replace -r '^[^=]*=' '' -- $word)
                        set last_driver $driver
                    case '--add-driver=*'
                        set last_driver (string replace -r '^[^=]*=' '' -- $word)
                end
            case '*'
                if test -z "$verb"
                    set verb $word
                else if test -z "$container"
                    set container $word
                end
        end
    end

    if test -z "$option"; and string match -q -- '-*=*' $cur
        set option (string replace -r '=.*' '' -- $cur)
        set prefix $option=
    end
    set -l candidates
    switch "$option"
        case --json
            set candidates short pretty off
        case -o --output
            set candidates short json cat
        case --stream
            set candidates stdout stderr
        case --log-driver --add-driver --driver
            set candidates (__conlogctl_drivers)
        case --remove-driver
            set candidates (__conlogctl_drivers_of "$container")
        case --log-opt
            set candidates (__conlogctl_options "$last_driver")
        case -D --directory --socket
            set candidates (__fish_complete_path (string replace -- "$prefix" '' $cur))
        case ''
            if string match -q -- '-*' $cur
                switch "$verb"
                    case run
                        set candidates $making --no-stdin
                    case create
                        set candidates $making --no-stdin --terminal
                    case adopt
                        set candidates $making --stdout= --stderr=
                    case exec
                        set candidates --exec= --log
                    case remove
                        set candidates --exec=
                    case list
                        set candidates --full
                    case set
                        set candidates --log-driver= --add-driver= --log-opt= --remove-driver=
                    case rotate
                        set candidates --log-driver=
                    case logs
                        set candidates --follow --lines= --since= --until= --timestamps --stream= \
                            --grep= --details --output= --driver= --namespace= --directory=
                    case verify
                        set candidates --namespace= --directory=
                    case ''
                        set candidates $with_value --no-stdin --terminal --log --full --follow \
                            --timestamps --details
                end
                set -a candidates $common
            else if test -z "$verb"
                set candidates run create adopt exec remove list show set rotate logs verify \
                    drivers reload doctor
            else if test "$verb" = set; and test -n "$container"
                test -n "$driver"; or set driver (__conlogctl_drivers_of "$container")[1]
                set candidates (__conlogctl_options "$driver")
            else if contains -- "$verb" remove show rotate
                or begin
                    contains -- "$verb" exec set logs verify; and test -z "$container"
                end
                set candidates (__conlogctl_containers)
            end
    end

    # Of KEY=VALUE the key first.
    if not string match -q -- '*=*' (string replace -- "$prefix" '' $cur)
        set candidates (string replace -r -- '^([^-=][^=]*=).*' '$1' $candidates | sort -u)
    end
    printf "%s\n" "$prefix"$candidates
end

complete -c conlogctl -f -a '(__conlogctl_complete)'
