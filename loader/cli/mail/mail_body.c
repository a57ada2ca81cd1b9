/* Prints a message's body as a string of JSON or a cell of CSV, piece by piece from the file that it lies in, because a mail
 * may be larger than memory allows. */
#include "loader/cli/mail/mail_internal.h"

#include "loader/base/visible.h"
#include "loader/cli/frame/output.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { MAIL_BODY_PIECE = 16 * 1024 };

/* An empty body is an empty cell, not none: the loop runs once also for a size of 0. */
int mail_body_print(enum mail_view_format format, int descriptor,
		    const struct mime_content *content, struct error *err)
{
	char piece[MAIL_BODY_PIECE];
	const bool json = format != MAIL_VIEW_CSV && format != MAIL_VIEW_GUARDED_CSV;
	struct visible visible = {.form = json ? VISIBLE_JSON_STRING : VISIBLE_TEXT};
	for (uint64_t done = 0; done <= content->size;) {
		size_t size = (size_t)MIN(content->size - done, (uint64_t)sizeof piece);
		ssize_t got = pread(descriptor, piece, size, (off_t)(content->offset + done));
		if (got < 0 || (got == 0 && size > 0))
			return error_set(err, ERROR_IO, "temporary file: %s",
					 got < 0 ? g_strerror(errno) : "too short");
		if (done == 0 && json)
			putchar('"');
		else if (done == 0)
			output_csv_begin(piece, (size_t)got, format == MAIL_VIEW_GUARDED_CSV);
		if (json)
			output_json_piece(&visible, piece, (size_t)got);
		else
			output_csv_piece(&visible, piece, (size_t)got);
		done += (uint64_t)got;
		if (done == content->size)
			break;
	}
	if (json)
		putchar('"');
	else
		output_csv_end(&visible);
	return 0;
}
