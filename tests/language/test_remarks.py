"""Praise, thanks, complaints and reports ask for nothing, and what is asked for beside them is done."""

from __future__ import annotations

from typing import Any

import pytest

from tests.language.hearing import understood

REMARKS = """
ok, thanks, the mask turned out nicely
the box looks right
the point mask came out well
点生成的掩膜不错
这个框画得很准
mask looks terrible
that mask is perfect
this box seems a bit off
the points are in the right place
your segmentation was spot on
box mask looks great, thank you
point mask works fine
point mask was wrong
the L3 box is too big
the mask leaks into the ribs
these points seem fine to me
the box mask came out weird
nice, the spine mask turned out really clean
the mask of L4 looks jagged at the edges
great job, the points landed where I wanted
the L2 mask is a bit too thick
wow, that segmentation came out perfect
boxes look good
points look good to me
the generated mask works for me
the box around L3 fits nicely
the mask from the points looked awful
point mask generation went well
the sagittal view is really helpful
the bone window looks fine
the export worked, thanks
the undo worked
hm, mask came out empty
the segmentation of L1 failed
the box prompt was a good idea
the mask didn't come out well
the next slice looks blurry
the propagation went smoothly
the measurement seems plausible
mask isn't great but ok
掩膜生成得很好
掩膜看起来不错
框画得太大了
这个点点得真准
点打得挺准的
框的掩膜很漂亮
L3的掩膜分割得很准
这次分割做得真好，谢谢
点掩膜效果很好
框掩膜质量一般
这个掩膜糟透了
分割结果看着还行
这几个点位置不对
框有点偏
好的，谢谢，掩膜出来得很好
太棒了，框得很准
刚才的点生成得不错
腰椎分割得真漂亮
标的点都很准
传播得不太好
测量得挺准
撤销得真及时，谢谢
导出的掩膜有点问题
骨窗看得很清楚
点掩膜生成得太慢了
cool, the boxes came out just right
the point mask you made is lovely
that box is miles off
the mask has holes in it
the masks on L1 and L2 came out nicely
the segmentation turned out better than expected
box looks way too small
the points ended up on the ribs
all the points look correct
the L4 mask fits the bone well
the mask doesn't look right
the boxes aren't straight
the mask still looks bad
hmm the box mask is worse than the point mask
the point mask beats the box mask
nice box!
great mask, thanks
good points
lovely segmentation
awesome box mask
perfect mask
bad mask
what a mask
beautiful segmentation, well done
the box covers L3 perfectly
the mask covers everything
the new mask is so much better
the generated point mask turned out perfect
this mask here is just what I needed
the clear button works now
the export went fine
the mask generation took forever
the redo worked nicely
undo did the trick
the lumbar segmentation came out great
L3 turned out well
T12 mask came out a little ragged
your box was perfect
you did a great job with the points
you placed the points perfectly
you drew the box really well
掩膜很赞
好棒的掩膜
漂亮的分割
框掩膜出来了，效果很好
点掩膜出来了，谢谢
点掩膜生成得很快
框掩膜比点掩膜好
这个掩膜比刚才的好多了
分割的效果让人满意
这个框正合适
框的位置刚刚好
掩膜有点漏
点都落在骨头上了
你画的框真准
你加的点很到位
L3的框画得刚好
掩膜边缘不光滑
分割结果令人惊喜
掩膜总算对了
点云看着不错
清除得很干净，谢谢
显示得很清晰
胸椎的掩膜惨不忍睹
掩膜生成失败了
导出成功了，谢谢
点掩膜效果拔群
框得刚刚好
点掩膜真不错
the box sits exactly where it should
thanks, that mask rocks
the points got placed perfectly
the L5 mask includes part of the sacrum
the mask bleeds into the disc
the box misses the spinous process
the point mask is superb
brilliant, the box mask came out as I hoped
your points were a bit random
sagittal looks good
the three points look well placed
the point mask took ages
those boxes ended up overlapping
the mask generated from the box is nicer
box L3 looks good
the clear command worked perfectly
the saved mask opens fine in slicer
amazing point mask, thank you so much
the mask was generated correctly
mask generation seems broken
lumbar mask good
point mask good, box mask bad
the box mask made me smile
we got a great mask out of those points
the points you added to L2 look off
love the mask
I like the box
I'm happy with the point mask
no complaints about the box mask
the spine segmentation could be better
点掩膜好看
框掩膜比预期的好
掩膜出得真快
这些点标得不太对
L2的框有些歪
这个掩膜我很满意
我喜欢这个掩膜
对掩膜很满意
掩膜做得漂亮
框得恰到好处，谢谢
点打偏了
掩膜溢出到肋骨了
分割漏了棘突
框盖住了整个椎体，不错
分割得太粗糙了
生成的点掩膜边界很清晰
掩膜生成得乱七八糟
点掩膜的效果让我很惊讶
清空得真快
辛苦了，框掩膜很好
hey thanks, the points came out great
the box mask was worth the wait
oh no, the mask leaked again
the L2 points landed outside the bone
super, point mask done
your box seems a little tight
that point mask was quick
this segmentation deserves a prize
the boxes look tidy
the mask edge is ragged
the mask of T12 took too long
that was a good box
I think the mask looks fine
honestly the box mask looks worse than before
the sacrum mask is a mess
the mask has improved
the points work well for L4
the coronal view shows it nicely
we are pleased with the box mask
excellent job on the point mask
掩膜好极了
点掩膜挺靠谱的
这个框框得太松了
那几个点歪了
你分割得很仔细
骶骨的掩膜有毛病
掩膜边缘太毛糙
谢谢你，点生成得很到位
框掩膜令人失望
传播的结果很连贯
alright, thank you, the box mask came out better than I thought
the box around the sacrum looks spot on
those points were placed a bit too low
the points on T12 are misplaced
cheers, the segmentation of the spine looks amazing
your point mask missed half of L3
the mask follows the bone very well
mask quality is great
the result looks promising
the box you drew is crooked
phew, the mask finally works
the box mask is way better now
the last mask was better
that segmentation went sideways
the boxes overlap too much
point mask looks like a potato
the mask is not bad at all
the points seem random to me
I must say the mask looks neat
the mask shows the lesion clearly
点掩膜比框掩膜好看
这框画歪了
掩膜真漂亮
这次的点打得不好
框掩膜挺像样的
分割的边缘很光滑
掩膜生成得又快又好
谢谢，框已经画得很好了
这掩膜不太行
刚生成的框掩膜真不赖
L1到L3的点都标得很准
腰椎的掩膜出来得很完整
""".strip().splitlines()


@pytest.mark.parametrize("text", REMARKS)
def test_a_remark_is_no_command(text: str) -> None:
    assert understood(text) == []


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("point mask please", [("generate_point_mask", {})]),
        ("the box mask please", [("generate_box_mask", {})]),
        ("the L3 box mask now", [("generate_box_mask", {"regions": ["L3"]})]),
        ("the points need to be cleared", [("clear_points", {})]),
        ("the mask needs to be cleared", [("clear_mask", {})]),
        ("the boxes should be cleared", [("clear_boxes", {})]),
        ("the mask looks wrong, clear it", [("clear_mask", {})]),
        ("the points came out wrong, delete them", [("clear_points", {})]),
        ("the mask turned out badly, undo it", [("undo", {})]),
        ("ok, thanks, the mask looks nice, now export it as nifti", [("export_mask", {"format": "nifti"})]),
        ("looks good, export it as stl", [("export_mask", {"format": "stl"})]),
        ("great, box L3", [("add_box", {"regions": ["L3"]})]),
        ("框画得很准，生成框掩膜", [("generate_box_mask", {})]),
        ("掩膜不错，导出成nrrd", [("export_mask", {"format": "nrrd"})]),
        ("框有点偏，删了", [("clear_boxes", {})]),
        ("点打偏了，全部删掉", [("clear_points", {})]),
        ("这个掩膜不错，测量一下体积", [("measure", {})]),
        ("不错，生成框掩膜", [("generate_box_mask", {})]),
    ],
)
def test_what_is_asked_for_beside_a_remark_is_done(text: str, calls: list[tuple[str, dict[str, Any]]]) -> None:
    assert understood(text) == calls
