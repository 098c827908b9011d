// What upstream.c says with the dialect `prose`, and how loadgen.c finds each delta's number and time in it.
//
// A delta is two or three words, 13 characters: it begins with a space or in the midst of a word, and ends where its
// last word may go on. Nothing in it is for a guard, but for one address of mail, cut in two. Behind the first word
// stands a stamp of letters, since guards look at digits: Q, 3 letters of the number, 8 of the microsecond, base 16.
#include <string.h>

#define STAMP 12
static const char *PROSE[] = {
  "Streaming means that", " the answer", " to a request", " is sent", " while it", " is still being",
  " written, word by", " word, instead", " of all at", " once when", " the last", " of it is", " known. A reader",
  " sees the", " first line after", " 0.3 seconds", " and not", " after 20, which", " is what makes",
  " a conversation", " feel like one.", " If something", " is unclear,", " write to ada.lovelace",
  "@example.org and ask", " for the", " notes of the", " third lecture;", " they were", " revised in 2024",
  " and have 48", " pages now.\n\nThe", " idea is older", " than the", " web: a", " teleprinter of 1930",
  " printed at 45.45", " baud, one", " letter after the", " other, and", " nobody waited", " for the end",
  " of a message", " to begin", " with reading it.", " HTTP/1.1 brought", " chunked bodies", " (RFC 9112, section",
  " 7.1) for the", " same reason:", " a server may", " begin before", " it knows", " how long its",
  " answer is going", " to be.\n\nThere", " are three things", " to keep", " in mind:\n\n1.", " A proxy that",
  " buffers gives all", " of it", " away; nginx needs", " `proxy_buffering off`.\n2.", " Whoever has",
  " sent a status", " of 200 cannot", " take it", " back, so what", " fails later", " has to", " be said in",
  " the stream itself.\n3.", " A client", " that leaves should", " be noticed", " at once,", " for tokens cost",
  " money: about $0.60", " for a", " million of them", " with the", " smaller models,", " and 10 to",
  " 25 times that", " with the", " larger. None of", " this is", " difficult by", " itself. What is",
  " difficult is that", " it has", " to hold all", " the time,", " between 2", " providers or 20,", " at 9:15 on",
  " a Monday", " and at night.", " That is", " why a", " good gateway is", " tested with every", " cut of",
  " the bytes there", " can be,", " from the", " first to the",
};
enum { PIECES = sizeof PROSE / sizeof *PROSE, WHOLE = 32 };  // WHOLE: pieces of an answer that is no stream

static char *json_text(char *to, const char *text) {  // PROSE needs no other escapes
  for (; *text; text++) { if (*text == '\n') { *to++ = '\\'; *to++ = 'n'; } else *to++ = *text; }
  *to = 0;
  return to;
}

static void letters(char *to, unsigned long value, int n) { while (n--) { to[n] = 'a' + (value & 15); value >>= 4; } }
static unsigned long unletters(const char *from, int n) { unsigned long v = 0; while (n--) v = v << 4 | (*from++ - 'a'); return v; }

static void say(char *to, int number, long now_ns) {  // one delta as a JSON string's inside
  const char *text = PROSE[number % PIECES], *first = strchr(text + 1, ' ');
  char piece[256];
  memcpy(piece, text, first - text + 1);
  char *p = piece + (first - text + 1);
  *p++ = 'Q';
  letters(p, number, 3);
  letters(p + 3, now_ns / 1000, 8);
  strcpy(p + STAMP - 1, first);
  json_text(to, piece);
}
