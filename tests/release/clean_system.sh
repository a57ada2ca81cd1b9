# tests/release/clean_system.sh, to be read by `.`: clean Debian systems for the scripts of this folder, each in a folder of
# its own, with systemd as its first process (systemd-nspawn) and the network of this machine. As root.
#
#   clean_system RELEASE   makes one (mmdebstrap) in $root and starts it; $kept, where given, is a folder that keeps what
#                          mmdebstrap has made for the next time
#   inside COMMAND...      runs a command in it as root, and as_user USER COMMAND... as somebody
#   stop_system            ends it; the folder stays
#   remove_system          ends it and removes the folder

leader=
PACKAGES=ca-certificates,dbus,dovecot-imapd,git,openssl,procps,python3,sqlite3,systemd,systemd-sysv

inside() {
	nsenter --target "$leader" --mount --uts --ipc --pid --cgroup --root \
		env -i --chdir=/ HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
		${NODE_EXTRA_CA_CERTS:+NODE_EXTRA_CA_CERTS=/etc/ssl/authorities.pem} "$@"
}

as_user() {
	user=$1
	shift
	inside runuser -u "$user" -- "$@"
}

# systemd takes one hierarchy of cgroups, also on a machine that has the older ones.
start_system() {
	unshare --mount sh -ec '
		umount --recursive /sys/fs/cgroup
		mount -t cgroup2 cgroup2 /sys/fs/cgroup
		exec systemd-nspawn --directory="$1" --machine="inqueue-$$" --boot --register=no --keep-unit --console=pipe --quiet
	' start "$root" </dev/null >"$root.console" 2>&1 &
	nspawn=$!
	for _ in $(seq 600); do
		leader=$(pgrep -P "$nspawn" -x systemd || true)
		[ -z "$leader" ] || case $(inside systemctl is-system-running 2>/dev/null) in running | degraded) return 0 ;; esac
		kill -0 "$nspawn" || break
		sleep 0.5
	done
	cat "$root.console" >&2
	echo 'systemd did not start in the clean system' >&2
	return 1
}

stop_system() {
	[ -z "$leader" ] || kill -s RTMIN+4 "$leader" 2>/dev/null || true # poweroff.target
	[ -z "${nspawn:-}" ] || wait "$nspawn" || true
	leader=
	nspawn=
}

remove_system() {
	stop_system
	rm -rf --one-file-system "$root" "$root.console"
}

clean_system() { # RELEASE
	archive=${kept:-${root%/*}}/$1.tar
	[ -e "$archive" ] || mmdebstrap --quiet --variant=minbase --include="$PACKAGES" "$1" "$archive"
	mkdir "$root"
	tar -x -C "$root" --exclude './dev/*' -f "$archive"
	# The services of packages that come along, such as Dovecot, stay off; no unit asks for a name server of its own.
	cp --remove-destination /etc/resolv.conf "$root/etc/resolv.conf"
	# Where this machine reaches its network by an authority of its own, npm has to know it there, too.
	[ -z "${NODE_EXTRA_CA_CERTS:-}" ] || cp "$NODE_EXTRA_CA_CERTS" "$root/etc/ssl/authorities.pem"
	[ -e "$root/etc/hosts" ] || printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"
	mkdir -p "$root/etc/systemd/system-preset"
	echo 'disable dovecot.*' >"$root/etc/systemd/system-preset/10-trial.preset"
	rm -f "$root"/etc/systemd/system/*.wants/dovecot.*
	start_system
	inside apt-get update -q >/dev/null
}
