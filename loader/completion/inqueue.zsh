#compdef inqueue
# Completes inqueue's command lines in zsh: the program itself says what may come next.
local line
local -a candidates
for line in "${(@f)$("${(Q)words[1]}" --candidates "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
	case $line in
	:files) _files ;;
	:folders) _files -/ ;;
	:commands) _command_names -e ;;
	?*) candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
	esac
done
(( $#candidates )) && _describe candidate candidates
