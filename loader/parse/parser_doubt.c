/* Tells the ends of a process apart, and the faults of this machine from what a process only says of
 * it. */
#include "loader/parse/parser_doubt_internal.h"

#include "loader/parser/protocol/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <sys/wait.h>

static char *describe_signal(int number, uint64_t message_bytes)
{
	if (number == SIGXCPU)
		return g_strdup_printf("parsing took more than %llu s of CPU time",
				       (unsigned long long)protocol_cpu_limit_s(message_bytes));
	if (number == SIGXFSZ)
		return g_strdup("parsing made too much of it");
	return g_strdup_printf("parsing crashed or used too much memory (signal %d)", number);
}

char *parser_doubt_describe(const struct parser_doubt *doubt, int wait_status,
			    uint64_t message_bytes)
{
	if (doubt->late)
		return g_strdup("parsing did not end");
	if (doubt->error != 0)
		return g_strdup_printf("parsing failed: %s", g_strerror(doubt->error));
	if (doubt->forged)
		return g_strdup("the parser's answer makes no sense");
	if (WIFSIGNALED(wait_status))
		return describe_signal(WTERMSIG(wait_status), message_bytes);
	return g_strdup_printf("the parser ended (status %d)", WEXITSTATUS(wait_status));
}

/* When the disk is full, it has no room for the message either. */
int parser_doubt_check_machine(const struct parser_doubt *doubt, int output, uint64_t offset,
			       uint64_t message_bytes, struct error *err)
{
	if (doubt->error == 0)
		return 0;
	int failed = posix_fallocate(output, (off_t)offset, (off_t)MAX(message_bytes, 1));
	if (failed != 0 && failed != EINTR)
		return error_set(err, ERROR_IO, "parsing a message: %s", g_strerror(doubt->error));
	return 0;
}
