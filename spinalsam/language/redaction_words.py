# ruff: noqa: E501
"""Words that redaction leaves alone although no small dictionary has them, and the beginnings of Chinese names."""

# What readers of spine CT write; names of people and places are never added here.
MEDICAL = frozenset(
    "vertebra vertebrae vertebral intervertebral spine spinal spines disc discs disk disks lamina laminae pedicle pedicles facet facets foramen "
    "foramina foraminal canal endplate endplates apophyseal odontoid dens atlas axis sacrum sacral sacroiliac coccyx coccygeal cervical thoracic "
    "lumbar lumbosacral thoracolumbar cervicothoracic dorsal ventral cranial caudal rostral medial lateral bilateral unilateral anterior posterior "
    "superior inferior distal proximal ipsilateral contralateral sagittal coronal axial oblique midline paraspinal psoas rib ribs iliac pelvis "
    "pelvic skull femur femoral fracture fractures fractured compression burst wedge chance osteoporotic osteoporosis osteopenia metastasis "
    "metastases metastatic lesion lesions lytic sclerotic sclerosis cyst cysts tumor tumour tumors tumours malignant benign edema oedema "
    "haematoma hematoma haemorrhage hemorrhage stenosis scoliosis kyphosis lordosis cobb genant spondylosis spondylitis spondylolisthesis "
    "osteophyte osteophytes syndesmophyte ankylosing schmorl hernia herniated herniation protrusion bulge bulging degenerative degeneration "
    "vertebroplasty kyphoplasty laminectomy fusion screw screws rod rods cage cages implant implants hardware metal artifact artifacts artefact "
    "artefacts radiotherapy chemotherapy radiology radiologist radiologists surgeon surgeons biopsy myelogram contrast marrow cortical cortex "
    "trabecular ligament ligaments muscle muscles ct cts mri mr pet xray x-ray hu hounsfield dicom nifti nrrd stl gpu cpu cuda vram ram pixel "
    "pixels voxel voxels slice slices viewport pane panes mask masks overlay overlays label labels prompt prompts dice iou histogram threshold "
    "thirteen fourteen fifteen sixteen seventeen eighteen nineteen thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth "
    "nineteenth twentieth thirtieth fortieth fiftieth trio duo quartet quintet goto shrink sacralized sacralised lumbarized lumbarised "
    "reconstruct grayscale greyscale rescan cleanup unbox airway injector "
    "chronic subacute hemangioma haemangioma hemangiomas anymore german french spanish "
    "seg segs roi rois bbox bboxes gui ui undo redo app apps pls plz thx ok okay hi hey wanna gonna gotta lemme gimme yep nope etc asap btw "
    "colour colours coloured grey mrn pid dob pacs ris id ids uid xy yz centre centred neighbour neighbouring visualise visualize optimise analyse anyway alright online offline "
    "screenshot screenshots toolbar zoom pan scroll fullscreen workstation checkpoint checkpoints model sam deepseek english chinese en zh".split()
)

# A lower-case word with one of these endings is vocabulary that the dictionary lacks rather than a name.
ENDINGS = (
    "ation", "ition", "ction", "ssion", "ment", "ness", "able", "ible", "ously", "ally", "ately", "atively", "ating", "izing", "ising", "ifying",
    "alise", "alize", "erise", "erize", "itise", "orise", "orize", "ified", "ectomy", "plasty", "graphy", "scopy", "itis", "osis", "pathy", "lysis",
    "listhesis", "trophy", "ology", "algia", "aemia", "ectasis", "iform", "genic", "otomy", "tomies", "ellate", "inate", "iate", "icate", "ulate",
    "erate", "orate", "ative", "itive", "ular", "ical", "ific", "ostic", "ometric", "ography",
)  # fmt: skip

# Surnames that cover most people; read from simplified characters.
SURNAMES = frozenset(
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦"
    "江史顾侯邵孟龙万段漕钱汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛伍韦申尤毕聂丛焦向柳邢路岳齐沿梅莫庄辛管祝左涂谷祁时舒耿牟卜路詹关苗凌"
    "费纪靳盛童欧甄项曲成游阳裴席卫查屈鲍位覃霍翁隋植甘景薄单包司柏宁柯阮桂闵解强柴华车冉房边"
)
COMPOUND_SURNAMES = ("欧阳", "上官", "司马", "诸葛", "司徒", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "夏侯", "南宫", "端木")
# Surnames that rarely begin an ordinary word: enough by themselves where the word list does not know what follows.
STRONG_SURNAMES = frozenset(
    "王李张刘陈杨赵吴徐孙胡朱郭罗宋郑谢韩唐冯董萧曹袁邓沈彭吕苏卢蒋蔡贾魏薛阎潘杜戴汪姚谭廖邹崔邱秦侯邵孟黎乔贺龚庞樊翟倪俞聂邢柳"
)
# After 小, 老 or 阿 these make a name.
FAMILIAR = "明红丽华刚强军芳王李张刘陈杨赵吴徐孙胡朱郭何高林罗郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁于余叶蒋杜苏魏程吕丁沈任姚卢傅钟姜崔谭廖范汪陆金石戴贾韦夏邱侯邹熊孟秦白江阎薛尹段雷"
CHINESE_TITLES = "医生 大夫 医师 主任 教授 老师 先生 女士 小姐 太太 护士 同学 师傅 院长 技师 博士 阿姨 大爷 大妈 奶奶 爷爷 叔叔".split()
# What stands before a name.
CHINESE_LEADS = "患者 病人 病患 病员 姓名 名字 名叫 叫做 名为 叫 受检者 受试者 伤者 就诊人 家属 联系人".split()
# Ordinary words that begin with a surname and are not in the word list.
CHINESE_ORDINARY = frozenset(
    "方框 方向 方法 方式 方块 方形 方案 方便 周围 周边 余下 任何 任意 任务 文件 文本 文字 文档 常规 常用 常见 高亮 高度 高清 高级 高分 万一 何时 何处 何种 石膏 许多 于是 "
    "陈旧 程序 程度 白色 白点 金属 江湖 向上 向下 向前 向后 向左 向右 时候 时间 单独 单个 包括 包围 包含 成功 成为 解释 强度 强化 边缘 边界 边框 边上 关闭 关于 关掉 左侧 左边 "
    "项目 管理 位置 位于 查看 查找 查询 路径 安全 平面 平均 马上 黄色 蓝色 红色 绿色 华人 曲线 曲度 游标 阳性 单位 温度 康复 毛糙 江西 施工 严重 章节 季度 申请 尤其 毕竟 "
    "成像 童年 费用 盛行 景象 薄层 车辆 房间 林立 段落 钱财 易于 武器 龙骨 田野 姜黄 范围 常数 温和 金标准 张开 谢谢 贺卡 庞大".split()
)
# The commonest names that are no ordinary words: always names, in lower case too.
NAMES = frozenset(
    "tom thomas anna anne peter maria john johnny mary david sarah sara mike michael lisa bob bobby robert alice jim jimmy james kate katie paul emma jack lucy "
    "joe joseph william george charles henry richard edward daniel danny andrew andy steven steve stephen kevin brian jason jeff jeffrey gary eric scott "
    "patrick martin simon adam alan alex alexander ben benjamin chris christopher samuel matthew matt nick nicholas tim timothy tony anthony jennifer "
    "linda elizabeth susan jessica karen nancy betty helen sandra ashley emily donna michelle laura amy rebecca rachel catherine julia julie "
    "sophie sophia olivia hannah eva clara klaus hans jurgen wolfgang pierre marie luc ivan olga sergei natasha ahmed mohammed mohamed muhammad ali "
    "fatima hassan omar yusuf raj ravi priya anil carlos jose juan luis pedro miguel ana wei xiao ming hong smith jones miller garcia nguyen khan "
    "singh novak ivanov schmidt dubois rossi tanaka yamamoto mueller muller wang li zhang zhao chen liu yang huang zhou wu xu zhu gao lin "
    "guo luo patel lee kim johnson williams davis rodriguez martinez hernandez lopez gonzalez wilson anderson jackson thompson harris robinson lewis "
    "murphy kelly obrien o'brien mcdonald campbell stewart morris rogers bailey richardson sanders watson brooks bennett ross henderson coleman "
    "jenkins perry powell hughes fischer weber meyer wagner becker schulz hoffmann suzuki sato ito nakamura kobayashi kumar sharma gupta silva santos".split()
)
# English words that are titles, or that a name follows.
TITLES = frozenset("dr mr mrs ms miss mx prof professor doctor nurse sir madam herr frau mme dott".split())
# These are said as ordinary words too.
WORDY_TITLES = frozenset("doctor nurse sir madam miss ms professor".split())
# Before 's these are no names.
SHORTENED = frozenset("it that what let here there he she who how where when one everything this".split())
LEADS = frozenset("patient named called name pt".split())
# After a title these are no names.
NOT_AFTER_TITLE = frozenset(
    "said says asked asks wants wanted told tells thinks thought needs needed will would should can could is was has had and or to of in on at for "
    "the a an this that my our his her please who what when where why how did does do deleted added left just also already".split()
)
MONTHS = "january february march april may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec".split()
WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
# Before a number these make it an identifier.
ID_WORDS = (
    r"mrn|pid|uid|id|ids|accession|acc|patient|pat|pt|case|study|exam|examination|record|chart|ssn|nhs|insurance|policy|room|ward|bed|subject|"
    r"participant|dob|ref|reference|series|hospital|registration|serial|reg|phone|tel|telephone|mobile|fax|zip|postcode"
)
CHINESE_ID_WORDS = "病历号|病案号|住院号|门诊号|检查号|登记号|影像号|患者号|病人号|床号|身份证号码|身份证号|身份证|医保号|卡号|编号|序列号|流水号|电话号码|电话|手机号|手机|号码|病例|房间|病房|床位"
