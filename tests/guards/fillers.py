"""Text in which no guard of the corpus finds anything: many scripts, source code, tables, signs."""

PROSE: tuple[str, ...] = (
    "The gateway passes each word on as it comes, and keeps none for longer than it must.",
    "Nobody knows (yet) what the next token brings: a comma, a number, or the end of the answer.",
    "It was founded in 1987, moved in 2004 and employs 312 people; 4.2 percent more than the year before.",
    "Der Strom fließt weiter, auch wenn niemand hinsieht; größere Stücke warten nicht länger als kleine.",
    "L'eau coule sous le pont, et personne ne la retient plus d'un instant.",
    "El río sigue su curso: ¿quién lo detendría por más de un momento?",
    "Rzeka płynie dalej, choć nikt na nią nie patrzy.",
    "Река течёт дальше, и никто не держит её дольше, чем нужно.",
    "Το ποτάμι κυλά και κανείς δεν το κρατά.",
    "النهر يجري ولا أحد يوقفه أكثر من لحظة واحدة.",
    "הנהר זורם הלאה, ואיש אינו עוצר בעדו.",
    "नदी बहती रहती है और कोई उसे रोकता नहीं।",
    "แม่น้ำไหลต่อไปโดยไม่มีใครหยุดไว้",
    "강물은 계속 흐르고 아무도 오래 붙잡지 않는다.",
)
UNSPACED: tuple[str, ...] = (
    "河水一直往前流没有人能把它留住哪怕一会儿也不行",
    "川は流れ続け誰もそれを長く留めておくことはできない",
    "網關把每個字原樣傳下去，不多留一刻。",
    "二〇二四年的秋天来得很早",
)
"""A value may stand directly beside any letter of these."""
SIGNS: tuple[str, ...] = (
    "🙂👍🏽👨‍👩‍👧‍👦🇩🇪",
    "→ ≤ ∞ ½ ™ “quoted” ‘single’ … •",
    "e\u0301tude cafe\u0301 na\u00efve \u200bzero\u200dwidth",
    '<div class="a">&nbsp;</div>',
    "**bold** _it_ `code` [link](https://example.com/a/b?c=d#e)",
    "\t| a | b |\n\t|---|---|\n\t| 1 | 2 |",
)
CODE: tuple[str, ...] = (
    "def area(r: float) -> float:\n    return 3.14159 * r ** 2  # line 12\n",
    "for (let i = 0; i < n; i++) { s += a[i] * 0x1F; }\n",
    "SELECT id, name FROM users WHERE age > 21 AND city = 'Oslo' LIMIT 100;\n",
    'if x @ y:\n    print(f"{x!r:>10}\\n")\n',
    "$ curl -X POST http://127.0.0.1:8080/v1/chat -d '{\"n\": 4}'\n",
    "git checkout 9fceb02d0ae598e95dc970b74767f19372d61af8\n",
    "2024-11-21T10:11:12.123Z INFO [worker-3] took 12.5 ms\n",
    "0.1 0.25 1e-9 1024 65535 2147483648\n",
    "550e8400-e29b-41d4-a716-446655440000\n",
)
EVERYTHING: tuple[str, ...] = (*PROSE, *UNSPACED, *SIGNS, *CODE)
