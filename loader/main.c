/* Runs the command that the command line names. All text of ours is UTF-8, whatever the locale says. */
#include "loader/cli/frame/command.h"

#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/*
 * The next file or connection would get the number of a standard descriptor that is closed, and be read
 * or written in its place. In that place is put what can be neither read from nor written to.
 */
static bool fill_standard_descriptors(void)
{
	for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++) {
		if (fcntl(i, F_GETFD) < 0 &&
		    open("/dev/null", i == STDIN_FILENO ? O_WRONLY : O_RDONLY) != i)
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	if (!fill_standard_descriptors())
		return EX_IOERR;
	if (setlocale(LC_CTYPE, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C.UTF-8");
	return command_main(argc, argv);
}
