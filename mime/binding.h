/*
 * binding.h - the functions of GMime, libxml2 and uchardet that are used here, found when the first
 * message is to be read: these three bring twenty more libraries with them, half of what starting
 * the program would cost, and most commands read no mail.
 *
 * Life:    binding_open() before anything of `bound` is used; it stays open.
 * Threads: binding_open() one at a time.
 */
#ifndef MIME_BINDING_H
#define MIME_BINDING_H

#include <gmime/gmime.h>
#include <libxml/HTMLparser.h>
#include <uchardet/uchardet.h>

/* Those of GObject come with GMime. */
#define BINDING_GMIME(X)                                                                           \
	X(gmime_major_version)                                                                     \
	X(gmime_minor_version)                                                                     \
	X(gmime_micro_version)                                                                     \
	X(g_mime_init)                                                                             \
	X(g_mime_data_wrapper_get_stream)                                                          \
	X(g_mime_encoding_flush)                                                                   \
	X(g_mime_encoding_init_decode)                                                             \
	X(g_mime_encoding_step)                                                                    \
	X(g_mime_multipart_get_count)                                                              \
	X(g_mime_multipart_get_part)                                                               \
	X(g_mime_multipart_get_type)                                                               \
	X(g_mime_object_get_header)                                                                \
	X(g_mime_parser_construct_part)                                                            \
	X(g_mime_parser_new_with_stream)                                                           \
	X(g_mime_part_get_content)                                                                 \
	X(g_mime_part_get_type)                                                                    \
	X(g_mime_stream_mem_new_with_buffer)                                                       \
	X(g_mime_utils_header_decode_text)                                                         \
	X(g_object_unref)                                                                          \
	X(g_type_check_instance_is_a)

#define BINDING_LIBXML(X)                                                                          \
	X(xmlInitParser)                                                                           \
	X(xmlCleanupParser)                                                                        \
	X(htmlCreatePushParserCtxt)                                                                \
	X(htmlCtxtUseOptions)                                                                      \
	X(htmlFreeParserCtxt)                                                                      \
	X(htmlParseChunk)

#define BINDING_UCHARDET(X)                                                                        \
	X(uchardet_new)                                                                            \
	X(uchardet_delete)                                                                         \
	X(uchardet_reset)                                                                          \
	X(uchardet_handle_data)                                                                    \
	X(uchardet_data_end)                                                                       \
	X(uchardet_get_charset)

/* Functions, and variables, under their own names. */
struct binding {
#define BINDING_MEMBER(name) __typeof__(name) *(name);
	BINDING_GMIME(BINDING_MEMBER)
	BINDING_LIBXML(BINDING_MEMBER)
	BINDING_UCHARDET(BINDING_MEMBER)
#undef BINDING_MEMBER
};

extern struct binding bound;

/* Returns 0, also when it is open already, or -1; then binding_fault() names the library. */
int binding_open(void);
const char *binding_fault(void);

#endif
