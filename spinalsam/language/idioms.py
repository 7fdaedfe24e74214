"""Whole turns of speech, said in the words of the lexicon before a sentence is cut: 'ctrl+z' is 'undo', 'in ten minutes' is a later time.

One pattern a line, with what stands for it. Words such as `latertime` are of this program's own making; `reading` knows what they mean.
"""

from __future__ import annotations

import re
from itertools import permutations

_NUMERAL = r"(?:\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|half an|a few|a couple of)"
_SPOKEN_LEVEL = r"(?:\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b"
_UNIT = r"(?:second|minute|min|hour|hr|day|week|month|year)s?"
_PAUSE = r"(?:noon|midnight|lunch|lunchtime|dinner|breakfast|teatime|the meeting|the break|my break|rounds|work|school|christmas|easter)"
_MASKS = r"(?:(?:mask|segmentation|label) overlays?|mask|masks|segmentation|segmentations|overlay|overlays)"
_STACK = r"(?:stack|volume|series|scan|dataset|data set|ct|image stack|slices|images)"
_MARKS = r"(?:points?|box(?:es)?|dots?|clicks?|rectangles?|markers?|seeds?)"
_NOT = r"(?:don't|do not|dont)"
_SLICES = r"(?= (?:slices?|images?|layers?)\b| ?[张层页片])"
_BEGIN = r"(?:^|(?<=[,;.])|(?<=and )|(?<=then )|(?<=please ))\s*"
_CN_BEGIN = r"(?:^|(?<=[，,。;；]))"
_CN_END = r"(?=$|[，,。;；!！])"
_CN_STOP = r"$|[，,。;；!！、]"
_CN_MASKS = r"(?:掩膜|掩码|蒙版|分割结果|分割|叠加层|覆盖层|遮罩|mask)"
_CN_NUMERAL = r"[\d一二两三四五六七八九十]{1,3}"
_CN_PEOPLE = r"(?:我|他|她|他们|你|主任|医生|家属|大家|老师|老板)"
_THOSE = r"(?:the|my|this|that|any|those|these)"

_CN_OTHERS = r"(?:(?!我|他|她|主任|医生|老师|家属|大家|老板|护士|同事|师兄|师姐)[^，,。;；])"
_CN_DOES = r"(?:加|放|画|标|框|打|补|圈|点|撒|落|分割|清|删|导出|保存|存|打开|生成|测量|传播|推理)"
_CN_BOXES = r"(?:大|小|单)?(?:框|方框|矩形|边界框|包围框|长方形|选框|bounding box|box)"
_CN_COVERS = r"(?:覆盖|包含|涵盖|包括|罩住|包住|围住|盖住|跨越|横跨|囊括|框住|套住|包围|圈住)"
_TIMES = r"(?:once|twice|thrice|(?:\d{1,2}|two|three|four|five|six|seven|eight|nine|ten) times|x ?\d{1,2})"
_CN_TIMES = r"([\d一两二三四五六七八九十]{1,2})(?:次|下|遍|回)"
_PRESS = r"(?:(?:just |please )?(?:hit|press|push|tap|type|use|do|give me)(?: (?:a|the))? )?"
_CN_PRESS = r"(?:按|敲|点|来|摁)(?:一下|下)?"
_SHOWN_ON = r"(?:屏幕|画面|图像|图|视图|显示器|界面|影像|ct|片子)(?:上面?|里面?|中)?"
_BOXES = r"((?:bounding[- ])?box(?:es)?|rectangles?|frames?)"
_COVER = r"(?:cover|span|enclose|contain|include|encompass|surround|bound|frame|encircle|envelop|wrap)"
_PUT = r"(?:add|put|place|draw|drop|set|mark|give|insert)"

_CTRL = r"(?<![a-z])(?:(?:ctrl|control|cmd|command) ?[-+ ] ?|\\^|⌘ ?)"


def _all_planes() -> list[str]:
    """The three planes named in a row, in any order."""
    english = (r"(?:trans)?axial|transverse", "sagittal", "coronal|frontal")
    chinese = (r"轴(?:状位|状面|位|面)|横断(?:位|面)?|横轴位|水平[位面]", "矢状(?:位|面)?", "冠状(?:位|面)?")
    noun = r"(?:[- ]?(?:views?|planes?|slices?|images?|sections?))?"
    lists = []
    for a, b, c in permutations(range(3)):
        words = [f"(?:{english[i]}){noun}" for i in (a, b, c)]
        lists.append(
            r"\b(?:the )?" + r"\s*(?:,|/|\+|\band\b)\s*(?:and )?(?:the )?".join(words) + r"\b(?: at (?:the same time|once)| side by side)?"
        )
        words = [f"(?:{chinese[i]})" for i in (a, b, c)]
        lists.append(r"[、,，/和与跟及以]*".join(words) + r"(?:这)?(?:三个?|三种)?(?:平面|切面|断面|视图|方位|方向|面|位)?")
    return lists


_HELLO = (
    r"(?:hi|hello|hey|good (?:morning|afternoon|evening|day)|greetings|dear (?:assistant"
    r"|program|spinalsam|computer|system|all))(?: there| again| all)?"
)
_CN_ASKS = r"(?:请|麻烦|帮|劳|拜托|烦|能不能|可否|能否|可不可以|辛苦)"
_LABELLED = r"((?:the )?[\w-]+(?: [\w-]+){0,2}?)"

_IDIOMS: tuple[tuple[str, str], ...] = (
    # Courtesies before and after a request
    (r"(?<=[\s.!?])[:;]-?[)(dp](?=\s|$)|(?<=\w)\s*\bta\b[\s!.]*$|\^_?\^", " "),
    (r"\b(would you mind|could you|can you|would you) (?:awfully|terribly|kindly|possibly|maybe|perhaps|please)\b", r"\1"),
    (r"\b(the|a|an|my|to|on|in|of|and|at|it|is),? ?(?:\.\.+ ?)?\1\b(?! \1)", r"\1"),
    (r"^(?:嗯+|呃+|额+|唔+|那个|这个|那什么|那啥|就是)+[，,。….]+(?=\S)", ""),
    (rf"^\s*{_HELLO}[\s,.!]+(?=\w)", ""),
    (r"^\s*(?:i |we )?(?:do )?(?:hope|trust) [^.!?,;]*[.!?,;]\s*(?=.*\b(?:could|would|can|please|kindly|may|might)\b)", ""),
    (
        r"^\s*(?:(?:i'm |we're )?(?:so |very |really )?sorry (?:to (?:bother|disturb|interrupt"
        r"|trouble)(?: you)?(?: again)?|for (?:the|any) (?:trouble|bother|interruption|disturbance))"
        r"|apologies for (?:the|any) \w+|excuse me)\s*[,.!]*\s*(?:but\b)?\s*(?=\w)",
        "",
    ),
    (
        r"[\s,.!;-]+(?:(?:many |a million |a thousand )?thanks(?: so much| very much| a lot"
        r"| a million| a bunch)?(?: in advance)?|thank you(?: so much| very much| kindly)?(?: in advance)?"
        r"|(?:kind|best|warm) regards|much (?:appreciated|obliged)|(?:i )?appreciate it|you're a star|cheers)[\s.!]*$",
        "",
    ),
    (r"(?<!what )(?<!else )\b(?:might|may|could|can) (?:i|we) (?:kindly )?(?:ask|trouble|bother|request|beg) you (?:to|for)\b", " please "),
    (r"^(?:您好|你好|早上好|上午好|下午好|晚上好|中午好|嗨)(?:啊|呀)?[，,。！!～~ ]+(?=\S{2})", ""),
    (rf"^(?:希望|祝|愿)(?:您|你|大家)?[^，,。！!]*(?:顺利|愉快|平安|安好|一切都?好)[，,。！!]+(?=.*{_CN_ASKS})", ""),
    (rf"^(?:今天|值班|夜班|上班|加班|您|你)*辛苦(?:了|啦)[，,。！!]+(?=.*{_CN_ASKS})", ""),
    (rf"^(?:真|实在)?(?:不好意思|抱歉|对不起)?[，,]?(?:打扰|打搅)?(?:您|你)?(?:一下|了|啦)?[，,。！!]+(?=.*{_CN_ASKS})", ""),
    (
        rf"((?:{_CN_ASKS}).*?)[，,。！!～~ ]+(?:非常|万分|太|十分)?(?:谢谢|多谢|感谢|谢"
        rf"|感激不尽|辛苦|麻烦|拜托)(?:您|你)?(?:了|啦|哈|呀|啊)?[\s～~。！!]*$",
        r"\1",
    ),
    (r"[，,。！!～~ ]+(?:谢谢|多谢|谢了|谢啦|感谢)(?:您|你|啦|了|哈)?[\s～~。！!]*$", ""),
    (
        r"^(?:请问)?(?:您|你)?(?:能不能|可不可以|能否|可否|是否可以|可以|能)(?:请|麻烦|劳烦"
        r"|烦请)(?:您|你)?(?:帮我|帮忙|帮个忙|给我)?([^？?，,。；;]*?)(?:呢|吗|呀|啊|嘛|吧)?(?=[？?，,。！!～~；;]|$)",
        r"请\1",
    ),
    (r"^(?:烦请|有劳|劳烦|辛苦)(?:您|你|了)?[，,]?(?:帮忙|帮我|帮个忙)?(?=[^了啦，,。！!])", "请"),
    # 'segment C1 - no, C2'
    (r"\s-+\s*(?=(?:no|sorry|wait|oops|actually|make that|i mean|i meant|rather)\b)", ", "),
    (
        r"^(?:okay |ok |so )?(?:(?:i'm|i am|we're|we are|all|that's it|that is it) )?"
        r"(?:now )?(?:done|finished|through)?(?: (?:with|for|here))*(?: (?:this|the|that))?"
        r"(?: (?:patient|case|one|scan|study|ct))?\s*[,.;-]+\s*(?:so )?(?:please )?(?:close|unload) (?:it|this|that)(?= please|\W*$)",
        " close the case ",
    ),
    (
        r"^(?:(?:i'm|i am|we're|we are|all) )?(?:now )?(?:done|finished|through) (?:with "
        r"(?:this|the|that)(?: (?:patient|case|one|scan|study|ct))?|here)\s*[,.;-]+\s*"
        r"(?:so )?(?=(?:please )?(?:close|unload|clear|wipe|reset|open|load|export|save)\b)",
        " ",
    ),
    (
        r"((?:按|按照|根据|基于|依据|依照|用|拿)(?:我的?|这些|那些|现有的?)?)(?:标|打|标注"
        r"|标记|提示|布)点(?=出|生成|分割|推理|跑|做|算|来)",
        r"\1点",
    ),
    (r"((?:按|按照|根据|基于|依据|依照|用|拿)(?:这些|那些|现有的?)?点)出(?=[^，,。;；]{0,8}(?:掩膜|掩码|蒙版|分割|mask))", r"\1生成"),
    (r"\b(?:would|do) you mind showing\b", "could you show"),
    (
        r"[往向朝]?(?:头|颅)(?:侧|端|部|方向)?(?:和|与|及|、|跟|以及)[往向朝]?(?:足|脚|尾)"
        r"(?:侧|端|部|方向)?(?:两个方向|两侧|两端)?(?:都|同时|一起)*"
        r"(?=传|推|延|扩|带|铺|propagat)",
        "双向",
    ),
    (
        r"[往向朝]?(?:足|脚|尾)(?:侧|端|部|方向)?(?:和|与|及|、|跟|以及)[往向朝]?(?:头|颅)"
        r"(?:侧|端|部|方向)?(?:两个方向|两侧|两端)?(?:都|同时|一起)*"
        r"(?=传|推|延|扩|带|铺|propagat)",
        "双向",
    ),
    (rf"\bsend (?=(?:the |this |that |my )*{_MASKS} (?:up|down|both|cranial|caudal|head|foot|toward|through))", "propagate "),
    (
        rf"{_CN_BEGIN}((?:[^，,。;；]{{0,6}}[和与跟])?(?:显卡|gpu|权重|参数|模型|框|点"
        rf"|{_CN_MASKS}))(?:也|都|应该|完全)*没有?问题(?=[，,。！!]|$)",
        r"\1 remarkonly ",
    ),
    (r"^(?:the|our|my) (?:gpu|graphics card) and (?:the )?(?=(?:weights|checkpoint|parameters|model) (?:is|are)\b)", "the "),
    (
        r"^(?:the )?(?:export|segmentation|propagation|measurement|saving|clearing|import)"
        r"(?: is| was)?(?: now| all)? (?:done|finished|completed?|over|successful)"
        r"(?=\s*(?:$|[,.;!]))",
        " remarkonly ",
    ),
    (r"\b(?:take|put|pull|get|wear|keep|have)(?: on| off)? (?:your|his|her|their) (?:face )?masks?\b", " foreignrole "),
    # The label of new masks
    (
        rf"\b(?:(?:the|all|every|new|next|my) )*masks? (?:are|is|will be|should be|get"
        rf"|count as) {_LABELLED},? from (?:now|here|this point)(?: on| onwards?)?(?=\W*$)",
        r" new masks are \1 ",
    ),
    (rf"^(?:the )?(?:new |next )?masks? (?:are|is) now {_LABELLED}(?=\W*$)", r" new masks are \1 "),
    (rf"^{_LABELLED} is (?:now |going to be )?the label(?: (?:for|of) [\w ]+)?(?=\W*$)", r" set the label to \1 "),
    (rf"({_CN_MASKS}(?:都|就|全)?)算(?=第?[一二三四五六七八九十\d]{{0,2}}[腰胸颈骶尾]|[ctl]\d)", r"\1记为"),
    # 'take me back to slice 17' is no count of slices
    (
        r"\b(?:back|forward|ahead|on|onward|down|up) to (?=(?:the )?(?:slice|image|frame|layer|page|picture|number|no\.?) ?(?:number )?\d)",
        "to ",
    ),
    (rf"\b({_NUMERAL}) (slices?|images?|layers?|frames?) down (?:the|this|through the) {_STACK}\b", r" forward \1 \2 "),
    (rf"\b({_NUMERAL}) (slices?|images?|layers?|frames?) up (?:the|this|through the) {_STACK}\b", r" back \1 \2 "),
    (rf"(?<=[点框膜码像图])(?:了)?以后再(?={_CN_DOES})", "，再"),
    # Short for longer words, and orders that say when or what not beside what
    (r"\s*&\s*", " and "),
    (r"(?<![a-z])sl\.? ?(?=\d)", "slice "),
    (r"\bvol\b\.?", "volume"),
    (r"\bpics?\b", "picture"),
    (r"(?<![a-z])dicom\s*分割(?:对象|格式)?", " dicom-seg "),
    (rf"\bdownload(?= (?:the |this |my )?{_MASKS}\b)", "export"),
    (rf"下载(?=(?:这个|当前|一下)?{_CN_MASKS})", "导出"),
    (r"^\s*(?:just )?(?:as|like) before\s*,|^\s*before (?:anything|everything|all) else\s*,|^\s*first of all\s*,", " "),
    (
        r"(?<=\w)\s*,\s*(?:(?:an?|any|the) )?(?:undo|redo|export|saving|measuring)(?:ing)? (?:is |are )?not (?:needed|necessary|required)",
        " ",
    ),
    (
        r"\b(from|with|using|by|use) (?:the |my |these |those )?(?:positive|foreground) (?:points )?and (?:negative|background) points\b",
        r"\1 the points",
    ),
    (r"(?<=\w)\s*(?:\.\.+|,|;)\s*(?:(?:hm+|well|no|oh)\W*)*later\W*$", " latertime "),
    (r"\b(?:i|we) (?:must|should|need to|have to|ought to|'d better) (?:remember|not forget|learn) to\b", " remarkonly "),
    (
        r"((?:用|基于|根据|按|按照|以|拿|从|凭)(?:这些|现有的?)?)(?:前景点|正点|阳性点"
        r"|正样本点)(?:和|与|及|、|跟)(?:背景点|负点|阴性点|负样本点)",
        r"\1点",
    ),
    (
        rf"{_CN_BEGIN}(?:那|现在|这次|请)?(?:这个|那个|这些)?(?:框|点|{_CN_MASKS}|分割|导出|撤销)(?:的事)?(?:就|还是|也)?算了(?:吧)?[，,]",
        "",
    ),
    (rf"(点|框)转(?:换成|换为|成|为)?(?={_CN_MASKS})", r"用\1生成"),
    (r"(隐藏|关闭|关掉|显示|打开)叠加(?![层显])", r"\1掩膜"),
    (rf"点出(?=(?:一个|个)?{_CN_MASKS})", "用点生成"),
    (
        rf"((?:用|按|按照|根据|拿|以|从|凭|靠)(?:这个|那个|这些|那些|现有的?|已有的?|当前的?)?)(点|框)出(?=[^，,。;；]{{0,8}}{_CN_MASKS})",
        r"\1\2生成",
    ),
    (rf"(?<=的)框(?:来|去)?出(?=(?:一个|个)?{_CN_MASKS})", "框生成"),
    (r"(?<=[ctls]\d)上(?=[一1]个(?:负|正)?点)", "处"),
    (rf"{_CN_BEGIN}回(?=首层|首张|末层|第一|最后|中间|轴|矢状|冠状|三维)", "回到"),
    (r"([\ue000-\uf8ff]) *(?=(?:去|跳到|转到|翻到|到)第?\d)", r"\1，"),
    (r"(?:胸腰|腰骶|颈胸)(?:段|椎)?(?=[ctls]\d)", ""),
    (r"(打开|载入|加载|导入|读取|读入)[一1]张(?=图像|图片|影像|片子|图$|ct)", r"\1"),
    (r"撤掉(?=上一步|刚才|最近|前)", "撤销"),
    (r"^\s*(\d{1,4})\s*层\s*$", r"第\1层"),
    (r"(?:叠加|掩膜|掩码)显示打开|打开叠加显示", "显示掩膜"),
    (r"^(?:你)?能(?=[在给把])([^，,]+)吗[?？]?$", r"请\1"),
    (r"^帮帮我[!！]?$", "帮助"),
    # Whose points and boxes they are: 'from the points I placed', 用我画好的框
    (
        rf"\b(from|with|using|use|by|via|through|clear|delete|remove|erase|wipe|discard|apply) ((?:all "
        rf"|both )?(?:the|these|those|my) {_MARKS})"
        r" (?:that |which )?(?:i|we)(?:'ve| have|'d| had)?(?: just| already)? (?:drew|drawn|placed|clicked"
        r"|marked|added|put|made|set|dropped|laid)"
        r"(?: down| in| there| earlier| before| just now| myself| so far| on (?:it|there|the image))*",
        r"\1 \2",
    ),
    (
        rf"((?:用|按|按照|根据|基于|依据|依照|拿|以|把|将|删|除|掉|空|对|从|凭|靠|通过)"
        rf"(?:一下)?)(?:我们?|咱们?|医生)(?:自己)?(?:刚才|刚刚|刚|已经|已|之前|先前|方才|前面)?(?:自己)?"
        rf"(?:[在给](?:[\ue000-\uf8ff]|[^，,。的]{{1,5}})(?:上|里)?)?(?={_CN_DOES}(?:好|上|出|下|定|选|过|了)*的)",
        r"\1",
    ),
    (
        rf"(?:{_CN_BEGIN}|(?<=再)|(?<=然后)|(?<=去)|(?<=到)|(?<=翻)|"
        rf"(?<=看))([下上前后]一?[层张页幅帧])(?=(?:再|也|上)?(?:加|放|画|点|标|框|打|补|圈|撒|清|删|生成|分割|给))",
        r"\1，",
    ),
    (
        r"(轴(?:状位|位|面)|横断(?:位|面)|矢状(?:位|面)?|冠状(?:位|面)?)(?:上|下|里)?(?=(?:看"
        r"|去看|去|到|跳到|转到|找)(?:一下)?(?:第?[一二三四五六七八九十\d]{0,2}[腰胸颈骶尾]|[ctl]\d))",
        r"\1，",
    ),
    (
        rf"(?:再|另外?|重新|我想|我要)*(?:打开|开|换|来|load|open|导入|载入|加载|选|挑) ?一?(?:张|个|份|套|例)"
        r"(?:新的?|别的|另外的?|其他的?)?"
        rf"(?:ct(?:图像?|片子?)?|片子|图像|图片|图|影像|病例|扫描)(?:看看|看|吧|来|出来)*{_CN_END}",
        "打开图像",
    ),
    (r",? (?:ok|okay|alright|all right|yeah|yes|will you|would you|could you|can you)\?(?=\s*$)", " please"),
    (rf"(?:跳|转|翻|走|切|移|定位)过去(?:吧|看看|一下)?{_CN_END}", "跳到那里"),
    # What it is for: 'so that I can start afresh', 好重新开始
    (
        r"(?<=\w),? (?:so|so that|in order that) (?:i|we) (?:can|could|may|might|will be able to|'ll be able to|am able to|are able to)\b"
        r"(?:(?!\band (?:then|also)\b|\bthen\b)[^,.;!?])*",
        " ",
    ),
    (
        r"(\b(?:clear|wipe|erase|delete|remove|empty|scrap|discard|dump|bin|ditch|purge|trash|reset|close)\b[^,.;]*?),? (?:in order )?to"
        r" (?:re-?start|(?:start|begin)(?: all)?(?: over| again| afresh| anew| from scratch| fresh| from zero| with a clean slate)+)\b",
        r"\1 ",
    ),
    (r"(?<=\w)[，,]?\s*(?:好|以便|便于|方便)(?:让|给)(?:我们|我|咱们|咱)[^，,。;；]*", ""),
    (
        r"(?<=\w)[，,]\s*(?:我们|我|咱们|咱)?(?:好|以便|便于|方便|为了)(?:我们|我|咱们|咱)?"
        r"(?:能|可以)?(?:重新|重来|从头|另起|再来|再次)[^，,。;；]*",
        "",
    ),
    (r"(?<=[掉了空除光])(?:好|以便|便于|方便)(?:我们|我|咱们|咱)?(?:能|可以)?(?:重新|重来|从头|另起|再来)[^，,。;；]*", ""),
    (r"\bi (?:must|have to|should|gotta) (?:say|admit|confess)(?: that)?\b", " "),
    # Whenever it suits
    (
        r"\b(?:when|once|whenever|as soon as) you(?: have| get|'ve got| find)?"
        r" (?:a|some|one)(?: free| spare)? (?:minute|moment|chance|second|sec|time)\b"
        r"|\b(?:when|once|whenever) you(?: are|'re) (?:free|ready|able to|not busy)\b",
        " please ",
    ),
    # What is to be done first: 'once you have added', 等…好了再
    (
        r"\b(once|when|after|as soon as|right after|just after|immediately after|only after|only once|only when)"
        r" you(?: ?'ve| have|'re| are)(?: just| first| already)?"
        r" (?:(?:finished|done|completed|through with) )?"
        r"(?=[a-z]{2,}(?:ed|ing|en|wn)\b|put\b|set\b|made\b|got\b|run\b|cut\b|gone\b|done\b)",
        r"\1 you ",
    ),
    (rf"(等{_CN_OTHERS}{{0,16}}?(?:加|放|画|标|补|打|框|圈|撒))(?:好|完)(?={_CN_OTHERS}{{0,16}}[，,]?\s*(?:再|就|才|然后))", r"\1"),
    (
        rf"(?:先)?等(?:你|到|着)?({_CN_OTHERS}{{0,16}}?{_CN_DOES})(?:好|完|上|掉|成|出来|下)*"
        rf"(?:了|完毕|完成)*({_CN_OTHERS}{{0,16}}?)(?:了)?(?:之后|以后|后)?"
        r"[，,]?\s*(?:再|就|才|然后)(?=\s*\S)",
        r"先\1\2，再",
    ),
    (rf"(在{_CN_OTHERS}{{0,16}}{_CN_DOES}{_CN_OTHERS}{{0,16}}(?:之后|以后))(?=[^，,。;；的\s])", r"\1，"),
    # What is missing, and is to be added: C2还差三个点，补上
    (
        r"(?:还|仍|仍然|目前|现在|上)*(?:差|缺|缺少|少|欠)(?:了"
        r"|着)?([^，,。;；\d]{0,6}?\d{0,3}[^，,。;；]{0,6}?(?:点|框|方框|矩形|种子))(?:了)?\s*[，,。;；]?\s*"
        r"(?:请|麻烦|帮我|帮忙|给我|你|再|都|把它们|把它|快|赶紧)*(?:补|加|标|放|画|添|打|点)(?:上|一下|齐|全|足|进去|好|够|上去|出来)+"
        r"(?:吧|了|一下)*(?=\W*$)",
        r"加\1",
    ),
    (
        rf"(?:^|(?<=[,.;] ))(?:the )?([\w-]+(?: (?:to|and|through|spine|vertebra) ?[\w-]*){{0,2}}?)(?:'s| is| are)?(?: still| only)?"
        rf" (?:missing|lacks?|lacking"
        rf"|short of|short by|wants|wanting|needs)"
        rf" ((?:\w+ ){{1,3}}?{_MARKS})[,;.:-]*"
        rf" (?:so |and )?(?:please )?({_PUT}) (?:them|it|one|those|these|that)"
        r"(?: in| there| on| up)?(?: please)?(?=\W*$)",
        r"\3 \2 on \1 ",
    ),
    # 'a box that covers L3', 覆盖L3的框
    (rf"\b{_BOXES} (?:that|which)(?: will| would| should| can| must)?(?: \w+ly| just)? {_COVER}e?s?\b(?: up)?", r"\1 around "),
    (
        rf"\b{_BOXES}(?: \w+ly| just)? (?:spanning|enclosing|containing|including|encompassing|surrounding|bounding|encircling|wrapping)\b",
        r"\1 around ",
    ),
    (rf"(?<=个)(?:能|可以|能够|刚好|正好|要|完全)*{_CN_COVERS}(?:了|住|着)?([^，,。;；的]{{1,12}}?)的(?={_CN_BOXES})", r"\1的"),
    (
        rf"(?<=个)(?:能|可以|能够|刚好|正好|要)*(?:把|将)([^，,。;；的]{{1,12}}?)(?:都|全|全部"
        rf"|整个)*{_CN_COVERS}(?:起来)?的(?={_CN_BOXES})",
        r"\1的",
    ),
    ("(?<=[得很挺真太不够])清楚", "清晰"),
    # 对方框内的区域进行分割: 方框 is what is meant, not 对方
    (r"对(?=方框|方形)", "对 "),
    (r"对(?:我)?(?:已经|已)(?:标|画|加|放|打|点|框|圈)(?:好|上|出|下)?的(?=\S*?(?:点|框))", "对这些"),
    (r"位置(?:都|好像|明显|有点|有些|完全|不太|不大)*(?:不对|错了|对)(?=\W*$|[，,。;；])", " remarkonly "),
    # Hesitations
    (r",\s*(?:u+m+|u+h+|e+r+m?|h+m+|a+h+|you know|i mean like|how do you say)\b\s*(?:,|\.{2,}|-)*", " "),
    (r"(?:^|(?<=\s))(?:u+m+|u+h+|e+r+m?|h+m+|a+h+|mm+)\s*(?:,|\.{2,}|-)+\s*", " "),
    (rf"(?:{_CN_BEGIN}|[，,])(?:嗯+|呃+|额+|唔|那个那个|这个这个|那什么|那啥)(?=[，,。…])[，,…。]*", "，"),
    (r"^\s*，", ""),
    # Letters said as words
    (rf"\b(?:el|ell)[ -](?={_SPOKEN_LEVEL})", "l "),
    (rf"\b(?:tea|tee)[ -](?={_SPOKEN_LEVEL})", "t "),
    (rf"\b(?:sea|cee)[ -](?={_SPOKEN_LEVEL})", "c "),
    # Asked politely, by what one would be glad of
    (
        r"\b(?:i|we|it|that|this)(?: ?'d| would|'ll| will) be (?:ever so |most |very |so |really |much |quite )?"
        r"(?:grateful|obliged|thankful|happy|glad|delighted|pleased|lovely|great|nice|good|helpful|wonderful"
        r"|handy|useful|ideal|perfect|super|fab|cool)"
        r"(?: to me)? (?:if (?:you|we|i) (?:could|would|can|might)(?: please)?|to (?:have|get|see)|for)\b",
        " please ",
    ),
    (
        r"\b(?:what|all|the (?:only |next |first )?thing|what else) (?:i|we)(?: really| now| just)? (?:need|want"
        r"|would like|'d like|require)(?: to do)?"
        r"(?: now| next| first| here| from you)? (?:is|are)(?: for you)?(?: to)?\b",
        " please ",
    ),
    (r"\b(?:i|we) (?:vote|say|suggest|propose)(?: that)? (?:we|you)\b", " please "),
    (r"\b(?:you |we )?(?:might|may) as well\b", " please "),
    (
        r"^\s*(?:as (?:to|for|regards)|with (?:regard|respect|reference) to|regarding|concerning|when it comes to"
        r"|speaking of|coming to|re:?) (?=[^,;:]{1,40}[,;:])",
        " ",
    ),
    (rf"\bdown with ((?:the |all |my |those |these )*{_MARKS})", r" remove \1 "),
    (rf"{_BEGIN}(?:go |move |step |scroll )?down (?:by )?({_NUMERAL}) (slices?|images?|layers?|frames?)\b", r" forward \1 \2 "),
    (rf"{_BEGIN}(?:go |move |step |scroll )?up (?:by )?({_NUMERAL}) (slices?|images?|layers?|frames?)\b", r" back \1 \2 "),
    # Asked politely, with something in between
    (r"\bwould you be (?:so|very|really )?(?: ?kind|good|nice)(?:\W+(?:\w+\W+){0,9}?)(?:as to|and|to)\b", " could you "),
    (r"\beach and every\b", "every"),
    # Taken from the screen, or for a while, is hidden; put back is shown
    (
        rf"\b(?:take|get|remove|clear|wipe|drop|pull|keep|strip) (?:the |my |this |that |red |coloured |colored |green |blue )*({_MASKS})"
        rf" (?:off|from|away from|out of)(?: of)? (?:the |my |this )?(?:screen|display|view|image|picture|ct"
        rf"|scan|sight|monitor|viewer|way)\b",
        r" hide the \1 ",
    ),
    (rf"\btake (?:the |my |this |that )*({_MASKS}) off(?=\s*(?:$|[,.;!?]|and\b|then\b|please\b|for\b|again\b|now\b))", r" hide the \1 "),
    (
        rf"(?:把|将)?({_CN_MASKS})(?:先|都|全部|暂时|给我)*从{_SHOWN_ON}(?:给我|先|都)?(?:拿掉"
        rf"|拿走|拿开|去掉|撤下来?|撤掉|移开|移除|移走|清掉|抹掉|取下来?|弄掉|摘掉|收起来?)",
        r"隐藏\1",
    ),
    (
        rf"\b(?:blank|clear|remove|drop|lose|kill|wipe|mute) (?:the |my |this |that )*({_MASKS}) (?=for (?:now|a"
        rf" (?:\w+)|the moment)\b|temporarily|briefly|momentarily)",
        r" hide the \1 ",
    ),
    (
        rf"\b(?:put|pop|pull|throw|stick|bring|get|give|switch|turn|have|want) (?:me )?(?:the |my |that |this"
        rf" )*({_MASKS}) back(?: up| on| in)?(?=\s*(?:$|[,.;!?]|and\b|then\b|please\b|again\b|now\b|over\b|on\b))",
        r" show the \1 ",
    ),
    (r"\b(mask|segmentation|overlay) (?:visibility|display)\b", r"\1"),
    (r"\b(?:the )?numbers (?=for|on|of|about)", "the size "),
    (rf"\bconvert (?=(?:the |my |this |that |it |\w+ )*(?:{_MASKS}|result|it)\b[^,.;]*\b(?:nifti|nrrd|stl|dicom)\b)", "export "),
    (r"\bwhat (?:i|we)(?: have|'ve)? (?:just )?(?:clicked|marked|pointed at|tapped)\b", "the points"),
    (r"，?文件名(?:叫|是|为)?(?=\s*[/~A-Za-z]:?[\\/])", "存为 "),
    (r"\btell me how (?=big|large|tall|dense|wide|high|thick|long)", "how "),
    (r"\bwhat (?:was|is|has been|i|we)(?: have|'ve)? (?:just )?(?:segmented|masked)\b", "the mask"),
    (
        rf"\b(?:i|we) (?:no longer|{_NOT}) (?:want|need|require) ((?:all |any )?(?:of )?{_THOSE} {_MARKS})(?:"
        rf" (?:any ?more|any longer|now))?(?=\s*(?:$|[.;!]))",
        r" remove \1 ",
    ),
    (rf"(?:我)?(?:不想|不要|别让我|不愿意?|别让)(?:再)?(?:看到?|看见)({_CN_MASKS})了?(?={_CN_STOP})", r"隐藏\1"),
    (rf"({_CN_MASKS})(?:怎么|咋)?(?:没了|不见了|消失了|看不见了|看不到了|去哪儿?了|哪儿?去了|跑哪儿?去?了)(?=[，,。?？])", r"\1没了"),
    (
        r"(?:把|将)?(?:刚才|刚刚|刚)?(?:我)?撤(?:销|掉|回|消)?了?的([^，,。;；]*?)(?:再|给我|都|又)*(?:做|弄|恢复|找|拿|搞|要|调|变)回来",
        r"重做\1",
    ),
    (rf"{_CN_BEGIN}(?:看|去|到|翻到|切到)?上面的?那?一?([层张页片幅])(?={_CN_STOP})", r"上一\1"),
    (rf"{_CN_BEGIN}(?:看|去|到|翻到|切到)?下面的?那?一?([层张页片幅])(?={_CN_STOP})", r"下一\1"),
    (r"在哪(?:儿|里|一|个)?(?:[层张页]|位置)?(?=$|[，,。])", ""),
    (r"\bl ?(-?\d{2,4})[ ,/]+w{1,2} ?(\d{2,5})\b", r" window width \2 level \1 "),
    (r"(?:三维|3d|立体)(?:图|视图|模型|画面)?(?:再|给我|帮我)?(?:旋转|转)(?:一下|一圈|转|动|个|[0-9]|半)", " foreignrole "),
    (
        r"\b(?:draw|add|put|place|make) (?:me )?(?:a |an |some |the )?(?:straight |horizontal |vertical |measuring"
        r" |midline )*(?:lines?|arrows?|rulers?|circles?|ellipses?|polygons?|scale bars?)\b(?! (?:up|around))",
        " foreignrole ",
    ),
    (r"(?:请问)?(?:可以|可否|能否|能不能|可不可以|能)(?:请你|麻烦你|帮我|帮忙)?(把[^，,。;；?？]*?)吗(?=\W*$)", r"请\1"),
    (
        r"(权重|参数|检查点|模型参数|权重文件|模型权重)(?:应该|都|到底|现在)?(?:有没有问题"
        r"|没问题吧|没问题吗|没有问题吧|有问题吗|有问题没|没错吧|对吧|没毛病吧|有没有毛病)(?=\W*$)",
        r"检查\1是否匹配",
    ),
    (
        rf"\bfill (?:in |up )?(?:the )?(?:rest of the |remaining |other |whole |entire )?{_STACK}(?: with (?:the"
        rf"|this|that|my) {_MASKS})?(?= |$|[,.;!])",
        " propagate the mask ",
    ),
    (
        r"\b(?:i'm|i am|we're|we are)(?: now)? (?:labell?ing|doing|marking|drawing|segmenting|masking|on) ((?:the"
        r" )?\w+(?: \w+)?) (?:from (?:here|now) on|from now|next)\b",
        r" new masks are \1 ",
    ),
    (
        r"\b(?:rotate|spin|tilt) (?:it |this |the view |the image |the picture |over |round )*(?:in)?to (?=(?:the "
        r"|a )?(?:sagittal|axial|coronal|transverse|frontal|lateral)\b)",
        "switch to ",
    ),
    (r"(?<![/\w])w (?:to|at|of|=) ?(?=\d)", "width "),
    (r"(?<![/\w])l (?:to|at|of|=) ?(?=-?\d)", "level "),
    (
        rf"\b({_NUMERAL}) (slices?|images?|layers?) (?:toward|towards|to|nearer|closer to) the (?:patient's"
        rf" )?(?:head|top|skull)\b",
        r" back \1 \2 ",
    ),
    (
        rf"\b({_NUMERAL}) (slices?|images?|layers?) (?:toward|towards|to|nearer|closer to) the (?:patient's"
        rf" )?(?:feet|foot|bottom|tail|pelvis)\b",
        r" forward \1 \2 ",
    ),
    (rf"\b(?:return|retreat) (?:by )?({_NUMERAL}) (slices?|images?|layers?)\b", r" back \1 \2 "),
    (rf"\b({_NUMERAL}) (slices?|images?|layers?) deeper\b", r" forward \1 \2 "),
    (r"\b(?:start|begin) at the (?:very )?(?:beginning|start|top)\b", " first slice "),
    # Ends of the stack
    (rf"\b(?:the )?(?:very )?(?:start|beginning|top|head|front) of (?:the |this )?{_STACK}\b", " first slice "),
    (rf"\b(?:the )?(?:very )?(?:end|bottom|tail|foot|back) of (?:the |this )?{_STACK}\b", " last slice "),
    (rf"\b(?:the )?(?:very |exact )?(?:middle|centre|center|midpoint) of (?:the |this )?{_STACK}\b", " middle slice "),
    (
        r"\b(?:go |get |take (?:it|me|us|things) |put (?:it|things|everything) )back to (?:before|how (?:it"
        rf"|things) (?:was|were)|what it was|the way it was)\b(?: ({_NUMERAL}) (?:steps?|edits?|changes?|actions?)\b)?[^,.;]*",
        r" undo \1 ",
    ),
    (r"\bcancel (?:that|the|this|my) (?=(?:last|latest|previous|recent)\b)", " undo the "),
    # On which slice something is put is gone to first
    (
        r"\b(?:on|in|at) (?:the )?slice (?:number |no\.? ?|#)?(\d+),? (?=(?:please )?(?:put|place|add|draw|set"
        r"|mark|box|click|drop|stick|make|frame)\b)",
        r" go to slice \1, ",
    ),
    (r"在?第 ?(\d+) ?([层张])(?:上|里|中|的图上)?(?=(?:加|放|画|点|标|框|打|补|圈))", r"去第\1\2，"),
    (r"(清掉|删掉|删了|清除|去掉|擦掉|清了|撤掉)(?=(?:再|然后)?重(?:新(?!来|开)|画|加|标|分|框|做))", r"\1，"),
    (r"\bpage (up|forward|ahead|down|back|backward)\b", r" scroll \1 "),
    (r"\bscroll up\b(?=\s*(?:\w+\s*)?$|\s*(?:\w+ )?(?:slice|image|page|layer))", " scroll back "),
    (r"\bscroll down\b(?=\s*(?:\w+\s*)?$|\s*(?:\w+ )?(?:slice|image|page|layer))", " scroll forward "),
    # Words that mean one thing together
    (
        rf"(?:\b(?:let me|let us|let's|can i|could i|may i|i(?:'d| would) (?:like|love|prefer|want) to|i (?:want|need|wish|prefer) to) )?"
        rf"\b(?:see|view|show|look at|display|have|get|give|want|like|need)\b[^,.;]*\b(?:without|minus|with no|free"
        rf" of|sans|not) (?:the |any |my |that |its )*{_MASKS}"
        r"(?: on(?: top| it)?| over it| covering it| in the way| on top of it)?(?=\s*(?:$|[,.;!?]))",
        " hide the mask ",
    ),
    (r"(?:不带|不要|没有|去掉)(?:掩膜|掩码|分割结果|蒙版|叠加层)(?:的|地)?(?:看|显示|原图|图像|样子|情况)(?:一下|看)?", "隐藏掩膜"),
    (r"\b(?:i|we)(?:'d| would) (?:much )?(?:rather|sooner|prefer to) (?:have|get|use)\b", " i'd like "),
    (
        r"\bwhat (?:i|we) (?:segment|mask|outline|paint) (?:next|from now on|from here on|after this)(?="
        r" (?:is|are|will be|should be|gets?)\b)"
        r"|\b(?:whatever|anything|everything|all) (?:that )?(?:i|we) (?:segment|draw|mask|make|do|mark|create|outline|paint|produce)"
        r"(?: next| from now on| from here on| after this| now)?\b(?= (?:is|are|gets?|should|will|shall|must|belongs?|counts?|goes))",
        " new masks ",
    ),
    (
        rf"\b({_NUMERAL}) (slices?|images?|layers?|frames?) (?:on|along|ahead|onwards?|further(?: on| along)?"
        rf"|down)(?=\s*(?:$|[,.;!?]|and\b|then\b|please\b))",
        r" forward \1 \2 ",
    ),
    (rf"\b({_NUMERAL}) (slices?|images?|layers?|frames?) (?:up|before|earlier)(?=\s*(?:$|[,.;!?]|and\b|then\b|please\b))", r" back \1 \2 "),
    (r"\b(?:a|another|one|my) copy of (?=the|my|this|that|it)", ""),
    (r"\b(?:needs?|has|have|got|ought|is|are) to go\b(?=\s*(?:$|[,.;!]|and\b|now\b|please\b))", " must go "),
    (r"\bthe points? must go\b", " remove the points "),
    # Keys and signs
    (rf"{_CN_PRESS}{_CN_TIMES} ?(?:{_CTRL}z)", r"撤销\1步"),
    (rf"{_CN_PRESS}{_CN_TIMES} ?(?:{_CTRL}(?:y|shift ?[-+ ] ?z))", r"重做\1步"),
    (rf"(?:{_CN_PRESS})?(?:{_CTRL}z) ?{_CN_TIMES}", r"撤销\1步"),
    (rf"(?:{_CN_PRESS})?(?:{_CTRL}(?:y|shift ?[-+ ] ?z)) ?{_CN_TIMES}", r"重做\1步"),
    (rf"{_PRESS}{_CTRL}(?:y|shift ?[-+ ] ?z)\b(?= {_TIMES})", "redo"),
    (rf"{_PRESS}{_CTRL}z\b(?= {_TIMES})", "undo"),
    (rf"(?:{_CN_PRESS})?{_PRESS}{_CTRL}(?:y|shift ?[-+ ] ?z)\b", " ctrlyredo "),
    (rf"(?:{_CN_PRESS})?{_PRESS}{_CTRL}z\b", " ctrlzundo "),
    # Two or three planes at once are the view of all three
    *((pattern, " three-plane ") for pattern in _all_planes()),
    (rf"(?:^|(?<=[\s,;]))\+ ?(\d+){_SLICES}", r" forward \1 "),
    (rf"(?:^|(?<=[\s,;]))- ?(\d+){_SLICES}", r" back \1 "),
    (rf"\bminus (?=\w+{_SLICES})", " back "),
    # What is not wanted is to be hidden or cleared
    (rf"\b(?:i|we) (?:{_NOT}|no longer) (?:want|need|like|wish|have) to (?:see|view|look at)(?= {_THOSE}\b)", " hide "),
    (rf"\b{_NOT} (?:show|display)(?= (?:me )?(?:{_THOSE} )?(?:\w+ )?{_MASKS}(?: any ?more| any longer)?\W*$)", " hide "),
    (r"\bno ([a-z]+(?: [a-z]+)?) (?:should|must|may|shall|are to|is to) (?:remain|stay|be left|survive)\b", r" remove all \1 "),
    (
        rf"(?:^|(?<=, )|(?<=and )|(?<=want )|(?<=need ))((?:(?:all|the|my|these|those) )*{_MARKS}) (?:off|out|away)"
        r"(?=\s*(?:$|[,;.!]|please|and))",
        r" remove \1 ",
    ),
    (rf"{_CN_BEGIN}(?:我们?)?(?:不要|不想要|不需要)([这那][些个]|我的)(点|框|掩膜|掩码|方框|坐标点|标记点|矩形)了?{_CN_END}", r"删除\1\2"),
    (r"\bscratch (?:that|the|my)(?= (?:last|latest|previous|edit|step|change|action))", " undo the "),
    # Parts of the spine
    (r"\b(?:upper|lower|mid|middle)[- ](?=thoracic|lumbar|cervical)", ""),
    (r"\b(?:should go|goes|go|belongs?) in(?:to)? an? (?=(?:bounding )?box|frame|rectangle)", " needs a "),
    (r"\bw{1,2} ?(\d{1,4})[ ,/]+(?:w?l|c) ?(-?\d{1,4})\b", r" window width \1 level \2 "),
    (r"\bwl ?(-?\d{1,4})[ ,/]+w{1,2} ?(\d{1,4})\b", r" window level \1 width \2 "),
    (r"\b(its|their) volume\b", r"\1 size"),
    (r"\b(?:remaining|rest of the) (?=slices|images|layers)", "other "),
    ("取消框选", "清除框"),
    # Asked politely, or for help
    (r"((?:请|麻烦|帮|把|能).*?)(?:好吗|行吗|可以吗|成吗)(?=\W*$)", r"\1"),
    (
        r"\bhow(?: is|'s| are) (?:the |my |our )?(gpu|graphics card|video card)s?(?: (?:doing|feeling|going|holding up))?(?=\W*$)",
        r" \1 status ",
    ),
    (
        r"\b(?:list|show|tell|give|display)(?: me)? (?:all )?(?:of )?(?:(?:the|your|available|possible) )*"
        r"(?:commands|operations|functions|features)(?=\W*$)",
        " helpwanted ",
    ),
    # Not knowing how is asking how
    (
        rf"\b(?:i {_NOT} know|i have no (?:idea|clue)|(?:i'm |i am )?(?:not sure|unsure|confused about)|i forgot|remind me) how to\b",
        " how to ",
    ),
    # A time that is not now
    (rf"\bin (?:about |around )?{_NUMERAL} {_UNIT}(?: time)?\b", " latertime "),
    (rf"\b(?:at|after|before|by|from|around) (?:\d{{1,2}}|{_NUMERAL})(?: ?[ap]\.?m\b| o'?clock\b)", " latertime "),
    (rf"\b(?:at|after|before|over|during|by) {_PAUSE}\b", " latertime "),
    (
        rf"(?:今天|今晚|明天|明早|后天|早上|上午|中午|下午|晚上|凌晨|{_CN_BEGIN}){_CN_NUMERAL}点(?:钟|半|整|多)?(?:左右)?"
        r"(?:以后|之后|后|再|之前|前|开会|下班)",
        " latertime ",
    ),
    (r"(?:过|等|再过)?[\d一二两三四五六七八九十几半]+个?(?:小时|分钟|钟头|天|礼拜|星期|个月|秒钟?)(?:后|以后|之后|再)", " latertime "),
    (rf"等{_CN_PEOPLE}[^，,。;；]{{0,8}}(?:再|才|就)", " latertime "),
    # What was asked for last is taken back: 'undo, oh never mind', 撤销，哦不用了.
    (
        r"\s*[,.;!-]+\s*(?:(?:oh|ah|uh|um|er|hm+|well|no|ok|okay|actually)[ ,]+)*(?:never ?mind|forget (?:it|that)|don'?t bother"
        r"|no need|not needed(?: any ?more)?)(?=\s*(?:[,.;!-]|$))",
        " latertime ",
    ),
    (
        r"[,，.。;；!！~…-]+\s*(?:哦|噢|喔|啊|呃|嗯|诶|哎|唉|还是|算了|[,，])+(?:不用了|不用啦|不必了|不需要了|不做了|没事了)"
        r"(?=$|[\s,，.。;；!！~吧])",
        " latertime ",
    ),
    (
        r"((?:撤销|撤回|重做|画|加|放|生成|分割|测|导出|保存|打开|翻到|跳到"
        r"|切换)[^,，。;；的]{0,12})[,，。;；]\s*(?:不用了|不必了|当我没说)"
        r"(?=$|[\s,，.。;；!！~吧])",
        r"\1 latertime ",
    ),
    (r"\bonly (?=when|if|once|after)(?:when|if|once|after)\b", " if "),
    # To be asked or told first is to have nothing done
    (
        r"\b(?:ask|tell|warn|remind|notify|inform|alert|consult|call|check with|let) (?:me|us)(?: know)?(?: first| again)? "
        r"(?:before|when|once|as soon as|prior to)\b",
        " foreignrole ",
    ),
    (
        r"\b(?:before|prior to|when)\b[^.;]*, ?(?:always |please )?(?:ask|tell|warn|notify|inform|alert|consult|check with) (?:me|us)\b",
        " foreignrole ",
    ),
    (r"(?:前|之前|以前)[^，,。;；]{0,3}(?:问|告诉|通知|提醒|征求|请示)(?:一下|一声)?(?:我|我们)", " foreignrole "),
    (r"没有?(?:经过?)?我的?(?:允许|同意|许可|吩咐)", " foreignrole "),
    # Said of people in general
    (
        r"^(?:one|users?|people|readers?|operators?|anybody) (?:can|could|may|might|often|usually|always|never|should)\b",
        " foreignrole ",
    ),
    # What is written, not asked: notes, titles, fields of a header
    (
        r"^\s*(?:todo|fixme|notes?|memo|comments?|remarks?|subject|title|warning|error|caption|reminder|quote|file ?name"
        r"|patient ?\w*|study ?\w*|series ?\w*|institution\w*|history|findings|impression|diagnosis"
        r"|technique|comparison|indication|clinical \w+|procedure|protocol|recommendations?"
        r"|conclusion|summary|assessment|opinion|examination"
        r"|检查技术|扫描技术|检查方法|扫描方法|技术|临床资料|临床|建议|检查所见|影像所见"
        r"|影像学表现|诊断意见|影像诊断|对比|检查部位|现病史|既往史|查体|结果分析"
        r"|备注|注释?|标题|待办|提醒|文件名|病史|主诉|诊断|所见|印象|结论|姓名|检查描述|报告)\s*[:：=]",
        " foreignrole ",
    ),
    (
        r"^(?:please )?(?:say|type|write|spell|translate|pronounce|repeat after me|read out)(?: out| down)?(?= quotedwords|\s*[:：])",
        " foreignrole ",
    ),
    (r"^where should (?:the|my|these|those|i|we)\b", " foreignrole "),
    (r"我\s*(?:already|just)\b", "我已经"),
    # Questions that want an answer, not an act
    (r"能[撤退](?:销|回)?几|有(?:什么|啥|何)(?:用|好处|意义|作用)", " foreignrole "),
    (r"^(?:just )?(?:think|dream|talk|speak|read|learn|worry|complain|argue|write) (?:about|of)\b", " foreignrole "),
    (
        r"\b(?:get to|come to|beside|besides|see|miss|prove|what's|what is) (?:the|a|your|my|his) point\b(?! mask)"
        r"|\b(?:good|fair|valid) point\b(?! (?:mask|in|on|at))|\bpoint (?:taken|made|being)\b",
        " foreignrole ",
    ),
    (r"^(?:the|our|my) (?:plan|idea|question|agenda|schedule|problem|issue|rule)s?(?: \d+)?(?: is)?\s*[:：]", " foreignrole "),
    # Code is never run
    (r"^\s*>>>|\b[a-z]+_[a-z_]+\(|\b[a-z]+\(\)|^\s*[{<]|\"(?:op|tool|function)\"\s*:", " foreignrole "),
    # Who pretends to speak for the program itself
    (r"^\s*(?:\[|<|#)*\s*(?:system|assistant|developer|root|系统|系统提示|系统消息|管理员|开发者)\s*(?:\]|>)*\s*[:：]", " foreignrole "),
    (r"cobb ?(?:angle ?)?角度", "cobb角"),
)
_COMPILED = tuple((re.compile(pattern), meant) for pattern, meant in _IDIOMS)


def reworded(text: str) -> str:
    """The text, in small letters, with every idiom in other words."""
    for pattern, meant in _COMPILED:
        text = pattern.sub(meant, text)
    return text
