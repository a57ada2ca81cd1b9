/* Makes the manual when the program is built: `inqueue-manual SOURCES SCHEMA FOLDER`. */
#include "loader/manual/page.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	if (argc != 4) {
		fputs("usage: inqueue-manual SOURCES SCHEMA FOLDER\n", stderr);
		return EXIT_FAILURE;
	}
	page_make_all(argv[1], argv[2], argv[3]);
	return EXIT_SUCCESS;
}
