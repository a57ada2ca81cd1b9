# Completes inqueue's command lines in bash: the program itself says what may come next.
_inqueue() {
	local current=${COMP_WORDS[COMP_CWORD]} line word
	[ "$current" = = ] && current=
	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		:files) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
		:folders) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
		:commands) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -c -- "$current") ;;
		*)
			word=${line%%$'\t'*}
			# bash takes "--queue=name" apart at its "=".
			[[ $current != --*=* ]] && word=${word#--*=}
			printf -v word %q "$word"
			COMPREPLY+=("$word")
			;;
		esac
	done < <("$1" --candidates "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _inqueue inqueue
