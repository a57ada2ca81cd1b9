/* Two tables: the charsets by Windows' numbers for them, and the code pages by the numbers that
 * RTF gives the charsets of its fonts. RTF and winmail.dat name charsets in no other way. */
#include "mime/charset.h"

#include <glib.h>

/* Microsoft, "Code Page Identifiers". Numbers that mail does not have are left out; the label
 * is that of the charset that reads most of what mailers write under the number, e.g. 936 is
 * gb18030. */
static const struct {
	unsigned number;
	const char *label;
} pages[] = {
    {437, "ibm437"},	    {850, "ibm850"},	       {852, "ibm852"},
    {855, "ibm855"},	    {866, "ibm866"},	       {874, "windows-874"},
    {932, "shift_jis"},	    {936, "gb18030"},	       {949, "euc-kr"},
    {950, "big5"},	    {1200, "utf-16le"},	       {1201, "utf-16be"},
    {1250, "windows-1250"}, {1251, "windows-1251"},    {1252, "windows-1252"},
    {1253, "windows-1253"}, {1254, "windows-1254"},    {1255, "windows-1255"},
    {1256, "windows-1256"}, {1257, "windows-1257"},    {1258, "windows-1258"},
    {10000, "macintosh"},   {10007, "x-mac-cyrillic"}, {10029, "x-mac-ce"},
    {20127, "us-ascii"},    {20866, "koi8-r"},	       {20932, "euc-jp"},
    {21866, "koi8-u"},	    {28591, "iso-8859-1"},     {28592, "iso-8859-2"},
    {28593, "iso-8859-3"},  {28594, "iso-8859-4"},     {28595, "iso-8859-5"},
    {28596, "iso-8859-6"},  {28597, "iso-8859-7"},     {28598, "iso-8859-8"},
    {28599, "iso-8859-9"},  {28603, "iso-8859-13"},    {28605, "iso-8859-15"},
    {38598, "iso-8859-8"},  {50220, "iso-2022-jp"},    {50221, "iso-2022-jp"},
    {50222, "iso-2022-jp"}, {50225, "iso-2022-kr"},    {51932, "euc-jp"},
    {51936, "gb18030"},	    {51949, "euc-kr"},	       {52936, "hz-gb-2312"},
    {54936, "gb18030"},	    {65000, "utf-7"},	       {65001, "utf-8"},
};

/* A number that is not here leaves its reader to guess, as a mail without a charset does; a
 * wrong label would be believed. */
const char *code_page_label(unsigned code_page)
{
	for (size_t i = 0; i < G_N_ELEMENTS(pages); i++)
		if (pages[i].number == code_page)
			return pages[i].label;
	return NULL;
}

/* RTF 1.9.1, "Font Table", \fcharset. 2, a font of symbols, is in no charset. */
static const struct {
	unsigned font_charset;
	unsigned number;
} fonts[] = {
    {0, 1252},	 {77, 10000}, {128, 932},  {129, 949},	{134, 936},  {136, 950},
    {161, 1253}, {162, 1254}, {163, 1258}, {177, 1255}, {178, 1256}, {186, 1257},
    {204, 1251}, {222, 874},  {238, 1250}, {254, 437},	{255, 850},
};

/* Two short searches for each font of a document are no work worth an index. */
unsigned code_page_of_font(unsigned font_charset)
{
	for (size_t i = 0; i < G_N_ELEMENTS(fonts); i++)
		if (fonts[i].font_charset == font_charset)
			return fonts[i].number;
	return 0;
}
