# Completes inqueue's command lines in fish: the program itself says what may come next.
function __inqueue_candidates
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in (command $words[1] --candidates $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path "$current"
            case :folders
                __fish_complete_directories "$current"
            case :commands
                __fish_complete_command
            case '*'
                echo $line
        end
    end
end
complete -c inqueue -f -a '(__inqueue_candidates)'
