#!/bin/sh
# What cron runs every night on many an ejabberd server: tidy up, back up, count, complain.
#
#     nightly.sh BACKUP_DIRECTORY DAYS

set -eu
backups=$1
days=$2
ctl=ejabberdctl

$ctl status | grep -q "is started with status: started" || {
    echo "ejabberd is down" >&2
    exit 1
}

$ctl delete_expired_messages
$ctl delete-old-messages "$days"

file="$backups/ejabberd-$(date +%Y%m%d).backup"
$ctl backup "$file"
[ -s "$file" ] || echo "no backup was written" >&2
find "$backups" -name 'ejabberd-*.backup' -mtime +14 -delete

for host in $($ctl registered_vhosts); do
    registered=$($ctl registered_users "$host" | wc -l)
    online=$($ctl stats_host onlineusers "$host")
    echo "$host: $registered registered, $online online"
done
echo "all: $($ctl stats registeredusers) registered, $($ctl connected_users_number) sessions"

# Who is connected from where: the JID is the first column, the address the third.
$ctl connected_users_info | cut -f 1,3 | while read -r jid address; do
    echo "session: $jid from $address"
done

# ejabberdctl says by its exit status whether an account is there.
for user in admin nobody; do
    if $ctl check_account "$user" localhost >/dev/null; then
        echo "$user: there"
    else
        echo "$user: missing"
    fi
done

if said=$($ctl register admin localhost secret); then
    echo "admin was registered again"
else
    echo "register: $said"
fi
