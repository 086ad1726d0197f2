# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
#
# Completion for fish: asks the program itself.
function __carom_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l prefix (string match -r -- '^--[^=]+=' "$word")
    set -l value (string replace -r -- '^--[^=]+=' '' "$word")
    set -l program $words[1]
    set -e words[1]
    for line in ($program --complete $words "$word" 2>/dev/null)
        switch $line
            case :files
                for path in (__fish_complete_path "$value")
                    echo -- "$prefix$path"
                end
            case :directories
                for path in (__fish_complete_directories "$value" '')
                    echo -- "$prefix$path"
                end
            case '*'
                echo -- "$prefix$line"
        end
    end
end
complete -c carom -f -a '(__carom_complete)'
