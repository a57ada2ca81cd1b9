/* Runs the command that the command line names. All text of ours is UTF-8, whatever the locale says. */
#include "loader/cli/frame/command.h"

#include <langinfo.h>
#include <locale.h>
#include <stddef.h>
#include <string.h>

int main(int argc, char **argv)
{
	if (setlocale(LC_CTYPE, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C.UTF-8");
	return command_main(argc, argv);
}
