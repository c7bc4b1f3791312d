"""What the posts say: templates in many languages, with what real texts do to parsers.

`{topic}` is replaced by the topic's name. The texts are as people type them; the API escapes
`&`, `<` and `>` (https://docs.x.com/x-api/fundamentals/data-dictionary).
"""

# ruff: noqa: RUF001 - letters that look like others are what real posts hold

from __future__ import annotations

TEMPLATES: tuple[tuple[str, str], ...] = (
    ("en", "Second week with {topic} and I keep finding small things to like."),
    ("en", "Hot take: {topic} > everything we tried before & it is not even close <3"),
    ("en", "{topic} changelog:\n- faster search\n- fewer clicks\n\nthread 🧵 1/4"),
    ("en", "Line separators are sneaky:\u2028{topic} broke our parser\u2029again."),
    ("en", "Is it just me, or is {topic} slow today? @sim_0007 @sim_0011"),
    ("en", 'She said "{topic}" \\ and a backslash walked into a bar\t(tabs too).'),
    ("de", "Größe, Straße, Übermut: {topic} kann jetzt auch Umlaute. Schön!"),
    ("de", "Wer hat {topic} im Büro eingeführt? Erfahrungen & Tipps gern hier 👇"),
    ("fr", "Où en est {topic} ? On l'a testé cet été, c'était déjà bien."),
    ("es", "¿Alguien usa {topic} en producción? ¡Cuéntame! 🇪🇸"),
    ("pt", "Não consigo parar de usar {topic} — é bom demais 😅"),
    ("it", "Perché nessuno parla di {topic}? È comodissimo."),
    ("tr", "İlk izlenim: {topic} hızlı, ışık gibi. Teşekkürler!"),
    ("ru", "Попробовал {topic} на выходных, пока всё нравится."),
    ("ja", "今日から {topic} を使い始めました。とても便利です✨"),
    ("zh", "刚刚试了 {topic} ，比想象中好用 👍🏽"),
    ("ko", "드디어 {topic} 업데이트가 나왔네요 ㅎㅎ"),
    ("ar", "جربت {topic} اليوم وكانت التجربة ممتازة 🌟"),
    ("he", "ניסיתי את {topic} אתמול והיה מצוין"),
    ("hi", "आज {topic} का नया संस्करण देखा, बहुत अच्छा लगा 🙏"),
    ("th", "วันนี้ลองใช้ {topic} แล้วชอบมาก 😊"),
    ("und", "{topic} 👩‍👩‍👧‍👦🏳️‍🌈🤷🏾‍♀️ 🫠🫠🫠"),
    ("en", "{topic} + coffee = ☕️❤️‍🔥 #buildinpublic #100DaysOfTools"),
    ("en", "Long live plain text. {topic} $SIMX up 3 % after hours 📈"),
)

# What follows; empty more often than not.
ENDINGS: tuple[str, ...] = (
    *[""] * 9,
    " #tools #weekend",
    " 🤔",
    " https://t.co/Sim1aBcDeF",
    "\n\nMore in the thread below.",
    " #日本語 #العربية",
    " cc @sim_0042",
    " (1/2)",
    " ... to be continued ➡️ https://t.co/Sim2gHiJkL",
)

# Different ids can share one text.
SHARED_TEXT = ("en", "{topic} is down again")

NAMES: tuple[str, ...] = ("Sim", "Símula", "シム", "Симус", "سيم", "시뮬", "Sim ✨", "S&M <sim>")
PLACES: tuple[str, ...] = ("", "Nowhere", "Überall", "こちら", "the edge of the map")
SOURCES: tuple[str, ...] = ("Simulator Web App", "Simulator for Phones", "Simulator Scheduler")
