"""English: which words stand for which idea. Verbs are inflected by rule; an underscore joins words of one phrase."""

from __future__ import annotations

# Verbs, base form. One verb may stand in several lines; the grammar decides by what stands beside it.
VERBS: dict[str, str] = {
    "OPEN": "pop_open boot_up hook_up feed_in whip_out spin_up pull_across throw_up pop_up_with crack_on_with carry_on_with pick_up_with start_off_with kick_off_with dig_up acquire crack_open pop_open put_up unpack fetch_up open_out hand_over swap_in switch_in slot_in open load import read fetch retrieve browse access bring_in bring_up bring_over pull_in pull_up call_up get_up load_up load_in "
    "read_in open_up upload ingest reopen reload dig_out pull_out slurp fire_up mount locate preload import_in",
    "PICK": "get_hold_of swap pick choose select grab get",
    "CLEAR": "strip_off peel_off wash_off brush_off rub_off vaporise vaporize sponge_off flush_out chase_away send_packing scrape clear_down knock_out rid_of bump_off do_in weed_out pitch zero_out nullify revoke sweep scrape_off rip_out terminate remove_all clear nix jettison banish cancel evict excise expel oust scrub shed make_disappear delete_out wipe_away delete remove erase wipe ditch discard trash scrap drop dump purge eliminate get_rid_of throw_away throw_out toss bin nuke "
    "kill take_away take_off empty clean clean_up clean_out clean_off strip zap flush rub_out dispose_of do_away_with withdraw lose "
    "chuck scratch wipe_out wipe_off clear_out clear_away clear_off clear_up blow_away axe obliterate destroy annihilate expunge "
    "undraw unplace unmark sweep_away eradicate retire deselect unset blank get_rid annul vacate take_out take_down rm del",
    "RESET": "reset start_over start_afresh start_fresh start_anew restart begin_again start_again reinitialise reinitialize wipe_the_slate_clean",
    "CLOSE": "close unload shut finish_with quit_with end leave_out",
    "ADD": "deploy tack pop_down drizzle shower jab speckle nail sling lob fling stamp poke_in pencil_in dot_in plot stud season dust strew_about chuck_down set_out park stake throw toss pepper populate equip furnish indicate anchor plonk plop install situate supplement jot_down embed dab strew peg punch_in toss_in add place put drop plant insert mark give lay lay_down scatter sprinkle position pop throw_in seed click deposit use assign "
    "annotate pin stick distribute spread put_down set_down set put_in put_on put_up place_down place_on drop_in drop_down tack_on stamp "
    "provide supply include sow dot mark_out mark_up introduce append lay_out pop_in stick_in stick_on whack slap bang chuck_in chuck_on set_up "
    "throw_on tap poke hit allocate attach apply specify enter register",
    "DRAW": "marquee hem circumscribe envelop lasso corral hem_in enwrap cage demarcate draw wrap outline frame enclose surround bound circle bracket fit sketch drag box box_in box_up box_out rope_off rope_in fence ring "
    "encase encircle border trace delimit mark_off border_off cordon frame_up draw_up",
    "MAKE": "become make create produce build prepare do",
    "GEN": "generate compute calculate derive obtain render construct fill_in fill work_out spit_out turn_out output come_up_with regenerate recompute "
    "form deliver yield crank_out roll_out whip_up synthesize synthesise churn_out",
    "RUN": "crack_on have_a_go go_for_it get_going set_going fire_away blast_away run feed execute start launch kick_off process fire trigger go initiate carry_out perform proceed begin set_off apply activate let_rip conduct",
    "INFER": "infer predict estimate",
    "SEG": "scoop_out peel_out fish_out single_out carve tease slice_out cookie-cut auto-find auto-outline auto-label hand-free_segment partition demarcate cut_free pull_free auto-mask automask map_out distinguish segment delineate contour extract isolate auto-segment autosegment carve_out find detect identify pick_out outline trace locate "
    "recognize recognise single_out cut_out demarcate auto-contour autocontour parse_out label_out segment_out auto-delineate pull_out dig_out lift_out tease_out "
    "autodetect auto-detect resegment re-segment trace_out separate_out separate",
    "PROPAGATE": "send send_on send_along ferry drive ripple trickle percolate fan_out chain transmit relay run_through push_through carry_forward bring_forward pull_through sweep_through roll flow cascade diffuse elongate pass_along hand_down trail repeat propagate apply extend spread carry continue push track extrapolate sweep transfer carry_over carry_on carry_through "
    "grow expand advance pass_on roll_out interpolate project copy replicate stretch push_on follow proliferate march run drag "
    "forward take pass bring prolong transport",
    "MEASURE": "take_the_measure size weigh_up take_measurements do_the_measurements appraise measure quantify size_up gauge assess_the_size work_out_the_size",
    "COMPUTE": "calculate compute tell give report work_out get determine show find evaluate estimate print_out check list obtain know assess output",
    "EXPORT": "pack package bundle put_away save_down write_off save_away stow send_to_disk burn_to log_to stash emit put_on_disk record_to deposit_in export save write store dump output write_out save_out save_off save_as write_down write_to_disk dump_out put_out persist archive "
    "back_up export_out keep_a_copy_of serialise serialize resave re-export re-save spit_out",
    "SHOW": "flash pop_up light_up bring_out switch_in unmask expose blend_in fade_in blend show display unhide reveal see view visualize visualise present uncover enable render reshow make_visible redisplay overlay",
    "HIDE": "tuck_away mute obscure veil blot_out hide_away switch_out hide conceal suppress unshow disable blank_out cloak",
    "TURN": "turn switch toggle flip put",
    "MOVE": "wind nudge bump inch glide tick whisk dart trot climb descend drop_down get_on wheel page_through rattle park park_me drop_me place_me plant_me stick_me leave_me visit cruise dive direct_me guide_me point_me roam rush step_over transport_me go move jump hop skip scroll flip page advance step navigate switch change take_me bring_me head leap bring_us take_us "
    "turn proceed travel return get get_me get_us go_over hop_over jump_over scroll_over skip_over land click_through browse flick thumb "
    "leaf shift zip scoot nip cycle progress swing slide cut bounce fly warp walk come switch_over move_over pan_to centre center focus "
    "focus_on zoom_to position_at put_me put_us set send_me take bring navigate_over crawl wheel retreat teleport fast-forward fast_forward whiz",
    "UNDO": "cancel undo revert take_back roll_back reverse unwind step_back undo_back back_out backtrack rollback walk_back back_up go_back",
    "REDO": "redo re-apply reapply redo_again re-do roll_forward reinstate restore put_back do_again bring_back",
    "CHECK": "have_a_peek_at take_a_peek_at peek_at glance_at have_a_glance_at take_a_glance_at have_a_gander_at vet screen certify assess sanity_check run_a_check do_a_check take_stock_of check verify validate confirm make_sure ensure test inspect query examine look_at see look_up check_on check_out double-check "
    "doublecheck cross-check crosscheck check_up compare audit look_over ascertain double_check cross_check find_out prove report "
    "monitor investigate",
    "TELLME": "tell_me let_me_know report show_me inform_me give_me update_me fill_me_in clue_me_in",
    "SETLABEL": "label tag call name assign relabel classify designate christen mark annotate denote store_as save_as",
    "SETTO": "crank jack ramp pull bring push kick dial_in punch_in type_in stretch tighten squeeze key_in crank_up crank_down turn_up turn_down bring_up bring_down push_up pull_down knock_down knock_up swap set raise increase decrease reduce bump lower boost use apply make change switch put adjust select choose pick activate want give go_with try prefer define assign keep_using "
    "configure dial tune load revert default go turn flip",
    "LOOK": "look view see show display inspect watch check present examine visualise visualize look_at",
    "NEED": "need want require deserve get take could_use should_get should_have would_like like request demand fancy prefer expect be_after "
    "call_for ask_for wish_for wish love must_have ought_to_have can_use can_do_with could_do_with use crave",
    "KEEP": "keep leave stay preserve remain retain maintain spare hang_on_to hold_on_to protect stick_around survive",
    "MATCH": "match fit agree correspond align suit belong_to line_up go_with go_together tally coincide mismatch square",
    "SAY": "say tell suggest recommend mention ask think believe claim insist advise argue wonder propose request instruct reckon note remark "
    "tell_me_to comment warn joke announce declare state write_that email_me text_me order explain remember hear forget_to "
    "remind hope feel guess suppose wish agree propose read_that swear promise write expect prefer want intend plan decide use like warn",
}
# Past and participle where no rule gives them.
IRREGULAR: dict[str, str] = {
    "read": "read read",
    "bring": "brought brought",
    "get": "got got gotten",
    "put": "put put",
    "throw": "threw thrown",
    "take": "took taken",
    "lay": "laid laid",
    "set": "set set",
    "draw": "drew drawn",
    "make": "made made",
    "build": "built built",
    "do": "did done",
    "find": "found found",
    "cut": "cut cut",
    "write": "wrote written",
    "keep": "kept kept",
    "see": "saw seen",
    "hide": "hid hidden",
    "go": "went gone",
    "leave": "left left",
    "lose": "lost lost",
    "shut": "shut shut",
    "give": "gave given",
    "stick": "stuck stuck",
    "spread": "spread spread",
    "run": "ran run",
    "begin": "began begun",
    "sweep": "swept swept",
    "grow": "grew grown",
    "undo": "undid undone",
    "redo": "redid redone",
    "say": "said said",
    "tell": "told told",
    "think": "thought thought",
    "fit": "fit fitted",
    "choose": "chose chosen",
    "wind": "wound wound",
    "unwind": "unwound unwound",
    "show": "showed shown",
    "stand": "stood stood",
    "mean": "meant meant",
    "know": "knew known",
    "pick": "picked picked",
    "bind": "bound bound",
    "swing": "swung swung",
    "come": "came come",
    "hit": "hit hit",
    "fly": "flew flown",
    "dig": "dug dug",
    "sow": "sowed sown",
    "slide": "slid slid",
    "leap": "leapt leapt",
    "spit": "spat spat",
    "hang": "hung hung",
    "feel": "felt felt",
    "blow": "blew blown",
    "hear": "heard heard",
    "swear": "swore sworn",
    "cost": "cost cost",
    "forget": "forgot forgotten",
    "start": "started started",
    "undraw": "undrew undrawn",
    "catch": "caught caught",
    "let": "let let",
    "wipe": "wiped wiped",
    "send": "sent sent",
    "rm": "rm rm",
    "re-do": "re-did re-done",
    "tell_me": "told told",
    "overlay": "overlaid overlaid",
    "spend": "spent spent",
    "seek": "sought sought",
    "come_up_with": "came come",
}
# Nouns, singular; the plural is made by rule.
NOUNS: dict[str, str] = {
    "POINT": "pin prompt_click seed_marker location_point point spot dot click seed marker keypoint coordinate_point prompt_point point_prompt seed_point seedpoint point_annotation pt pnt "
    "control_point key_point point_marker landmark mouse_click fiducial click_point marker_point point_click pinpoint",
    "BOX": "rectangular_selection square_selection enclosure selection_rectangle rectangle_selection roi_rectangle outline_box bounding_quad boundary_box boundary boxed_area boxed_region boxed_part framed_area framed_region enclosed_area enclosed_region box_area box_region boxed_section boxed_structure boxed_vertebra boxed_vertebrae framed_vertebra boxed_bone boxed_level box rectangle bbox bounding_box bounding_rectangle frame rect boundingbox bounding_frame box_prompt prompt_box roi_box "
    "rectangular_roi roi square rectangular_prompt box_annotation rectangular_region rectangular_frame bb window_box bounding_rect "
    "boxed_region rectangular_area region_of_interest bounding_region",
    "PROMPT": "prompt annotation marking",
    "MASK": "silhouette segmentation_output segmentation_mask_overlay annotation_mask label_image mask segmentation overlay seg segmentation_mask segmentation_result contour label_map labelmap mask_overlay segmentation_overlay "
    "segment_mask masking delineation mask_layer segmentation_layer label_overlay voxel_mask contour_overlay segmented_mask segm",
    "RESULT": "result output",
    "PMASK": "point-prompt_segmentation point-prompt_inference point-prompted_segmentation point_mask point-mask pointmask point_segmentation point-segmentation point_based_mask point-based_mask point_based_segmentation "
    "point-based_segmentation point_prompt_mask point_inference point-prompted_mask point_prompted_mask point-driven_mask points_mask "
    "point-derived_mask point-guided_mask point_prompt_segmentation point-prompt_mask point_driven_mask point-guided_segmentation point_prediction",
    "BMASK": "box-prompt_segmentation box-prompt_inference box-prompted_segmentation box_mask box-mask boxmask box_segmentation box-segmentation box_based_mask box-based_mask box_based_segmentation "
    "box-based_segmentation box_prompt_mask box_inference box-prompted_mask box_prompted_mask box-driven_mask bbox_mask "
    "bounding_box_mask rectangle_mask box-derived_mask bounding-box_mask box-guided_mask rectangle-based_mask rectangular_mask box_prompt_segmentation "
    "bounding_box_segmentation bbox_segmentation box_driven_mask box-guided_segmentation box_prediction rectangle_segmentation boxes_mask",
    "IMAGE": "file_browser file_dialog file_picker image_picker file_chooser file_selector open_dialog image picture photo scan ct volume file dicom series study dataset case exam data folder directory img ct_scan ct_file "
    "ct_volume ct_image ct_series ct_study dicom_folder dicom_file dicom_series nifti nrrd image_file radiograph imaging ct_case ct_dataset "
    "ct_data image_stack stack tomogram examination nii nifti_file nii_file scan_file spine_ct acquisition subject",
    "SLICE": "slide top_slice uppermost_slice highest_slice topmost_slice top_image bottom_slice lowest_slice lowermost_slice bottom_image slice layer section cut page img image frame picture slab plane",
    "STEP": "history step edit action change operation move modification command edition thing stroke time",
    "GPU": "graphics_processing_unit video_adapter graphics graphic_card graphics_unit gpu cuda graphics_card video_card graphics_processor vram graphics_adapter graphics_chip nvidia video_memory graphics_memory "
    "compute_device nvidia-smi cuda_device gpu_memory gpu_ram gpu_card gpu_device mps cuda_version gpu_usage gpu_load graphics_hardware "
    "accelerator gpus gpu_utilisation gpu_utilization rtx geforce hardware_acceleration nvidia_card",
    "DEVICE": "cpu processor device hardware memory ram driver",
    "CKPT": "trained_weight model_checkpoint_file network_parameter loaded_parameter network_weight checkpoint ckpt weight parameter param state_dict weight_file checkpoint_file model_weight model_parameter model_checkpoint "
    "pth pretrained_weight loaded_weight tensor model_file parameter_file check_point sam_weight sam_checkpoint parameter_set safetensors",
    "MODEL": "model network net architecture backbone layer_shape model_definition sam structure arch config configuration design model_architecture "
    "network_architecture",
    "WINDOW": "window windowing window_level window/level window_setting window_preset contrast_window ct_window hu_window display_window "
    "contrast_setting gray_window grey_window w/l wl/ww ww/wl window_width/level",
    "LABEL": "label class tag active_label current_label label_name label_value mask_label target_label class_label active_class working_label",
    "VIEW": "view plane orientation perspective layout projection display viewport viewer cross-section cross_section reformat reformation mode screen cut "
    "panel pane slice plane_view rendering reconstruction angle direction section anatomy_plane",
    "FILEKIND": "format file extension type",
    "SIZE": "reading measurement_report volumetric girth bulk hounsfield_mean size dimension statistic stat measurement mean_hu hounsfield_value mean_density density extent volumetric volumetry volume "
    "attenuation hounsfield_unit bounding_dimension mean_attenuation average_hu mean_hounsfield hu_value hu_mean hounsfield mean_intensity "
    "hu metric height voxel_count quantification average_density average_hounsfield cc ml millilitre milliliter bone_density "
    "measure average_intensity morphometry morphometric volume_measurement mean_value figure cobb_angle cobb genant_grade genant "
    "vertebral_height body_height vertebral_body_height disc_height disk_height disc_space_height scoliosis_angle lordosis_angle "
    "kyphosis_angle height_ratio wedge_ratio trabecular_density trabecular_hu core_hu",
    "VERT": "vertebra vertebrae vertebral_body vertebral_bodies body bone level segment bony_segment vertebral_level vertebral_segment structure "
    "region area anatomy part zone vertebral_column_part",
}
# Words that are no verbs and take no inflection.
PLAIN: dict[str, str] = {
    "KEEP": "alone untouched unchanged as_is as_it_is as_they_are",
    "AUTO": "auto automatic automatically autonomously hands-free promptless prompt-free without_prompts without_any_prompts without_prompting no_prompts without_points without_clicks without_a_prompt unprompted without_any_prompt with_no_prompts fully_automatic fully_automatically full-auto",
    "NEXT": "next following subsequent forward forwards ahead onward onwards advance succeeding fwd on further nxt afterward",
    "LOOK": "have_a_look_inside take_a_look_inside have_a_look take_a_look let_me_see let_me_view let_me_look_at let_me_have_a_look_at have_a_look_at take_a_look_at let's_see let_us_see let_me_take_a_look_at lemme_see give_me_a_look_at let's_look_at let's_have_a_look_at i'd_like_to_see",
    "PREV": "retreat reverse regress backtrack previous prior preceding back backward backwards rewind earlier prev foregoing before backwards_one rearward bwd",
    "UP": "headwards up upward upwards cranial cranially cephalad cephalic superior superiorly rostral rostrally headward headwards head upper "
    "toward_the_head towards_the_head to_the_head upside craniad skull skullward towards_the_skull cephalically head-ward top higher above "
    "cranium ascending north",
    "DOWN": "down downward downwards caudal caudally inferior inferiorly footward footwards feet foot lower toward_the_feet towards_the_feet "
    "to_the_feet caudad tail tailward below lowermost pelvis toes descending south",
    "BOTH": "both both_ways both_directions bidirectional bidirectionally bi-directionally up_and_down either_way either_direction each_way "
    "all_directions each_direction two-way both_sides every_direction bi-directional up/down down_and_up cranially_and_caudally two_directions "
    "both_up_and_down all_the_way_up_and_down up_and_downward upward_and_downward upwards_and_downwards cranial_and_caudal superiorly_and_inferiorly",
    "FIRST": "the_start the_beginning the_very_start the_very_beginning top_slice uppermost_slice highest_slice topmost_slice top_image first 1st initial beginning very_first topmost opening outset earliest",
    "LAST": "bottom_slice lowest_slice lowermost_slice bottom_image last final end very_last bottom-most bottommost final_one endmost ending",
    "MIDDLE": "half_way half_way_point middle centre center central midpoint mid halfway middlemost mid-slice midslice half-way midway mid-point mid-volume centremost centermost",
    "SECONDLY": "second third 2nd 3rd",
    "AXIAL": "from_above from_the_top from_below from_the_feet_up slice-wise top_view view_from_above cross_section cross-section axial transverse transaxial axially axials cross-sectional transversal ax horizontal",
    "SAGITTAL": "side-on side_on from_the_side side-on_view from_side lateral_plane in_profile side_view view_from_the_side profile_view lateral sideways_view sagittal sagital sagittally sagittals midsagittal mid-sagittal lateral_view sag parasagittal",
    "CORONAL": "from_the_front from_in_front front-on front_on head-on_view from_the_back frontally front_view view_from_the_front anteroposterior anterior-posterior ap_view coronal frontal coronally coronals cor",
    "MPR": "every_plane all_the_planes three_planes_at_once all_planes_together quad_view mpr multiplanar multi-planar three-plane tri-planar triplanar three_planes three_views orthogonal_views all_planes orthoview "
    "ortho-view orthogonal_planes multi-planar_reformat multiplanar_reformat multiplanar_reconstruction all_three_planes all_three_views "
    "three-view 3_planes 3-plane 3_views four-pane ortho_view multi_planar multi-plane three_orthogonal_planes all_three_orientations "
    "three_plane all_views orthogonal multiplane",
    "THREED": "in_the_round volume_view rotating_model solid_model surface_model 3d 3-d three-d three_dimensional three-dimensional 3_d volume_rendering volumetric_view volume-rendered 3-dimensional surface_view "
    "3d_view 3d_rendering surface_rendering surface_render volume_render 3d_render 3d_mode three_dimensions 3_dimensional stereo",
    "BONE": "bone bony osseous skeletal bones skeleton",
    "SOFT": "mediastinal mediastinum muscle_window soft_tissue soft-tissue softtissue soft soft_tissues soft-tissues abdominal abdomen",
    "LUNG": "lung pulmonary lungs pulmo chest_lung",
    "BRAIN": "brain cerebral head_brain intracranial brains",
    "LEVELWORD": "wl window_center window_centre centred_at centered_at centre_at center_at lvl level_of l/",
    "WIDTHWORD": "narrow narrower narrowed widen wider widened broaden width ww window_width wide",
    "CENTREWORD": "level centre center",
    "NEGATIVE": "negative background exclude exclusion bg neg outside non-bone excluding minus_point excluded",
    "POSITIVE": "positive foreground inclusion fg pos inside include",
    "VISIBLE": "back_in back_on back_on_screen back_in_view back_into_view on_screen on_the_screen into_view visible on shown viewable apparent",
    "INVISIBLE": "out_of_my_sight out_of_my_way out_of_the_way out_of_my_face invisible off hidden out_of_sight unseen out_of_view",
    "ALL": "all everything whole entire every complete full both_of_them lot",
    "EVERYTHING": "workspace canvas board scene desk everything all_of_it the_lot the_whole_thing all_of_this all_of_that the_whole_lot it_all everything_here",
    "NEW": "that_follow which_follow to_follow that_come_next to_come new upcoming future coming subsequent forthcoming from_now_on fresh later from_here_on going_forward henceforth from_now following "
    "ensuing next",
    "FROM": "from using with via through by based_on on out_of off_of given according_to on_the_basis_of upon guided_by driven_by by_means_of "
    "on_top_of derived_from conditioned_on off",
    "NIFTI": "nifti nii nii.gz niigz nifti-1 nifti1 .nii .nii.gz nifti_file niftis",
    "NRRD": "nrrd .nrrd seg.nrrd .seg.nrrd nhdr nrrd_file",
    "DICOMSEG": "dicom_seg dicom-seg dicomseg dicom_segmentation dcm_seg dcmseg dicom_segmentation_object dicom_seg_object dso dicom-segmentation "
    "dcm-seg seg_dicom dicom_segment dicom_sr_seg",
    "STL": "stl .stl stl_mesh stl_file stl_model stl_surface stls",
    "GPUASK": "torch pytorch hot warm cool loaded how_hot readout overview rundown breakdown availability available usable working busy free status state ready present used usage detected utilisation utilization load info information "
    "found alive there installed recognised recognized healthy enough visible online detail details spec specs specification temperature running "
    "version in_use health",
    "MATCHING": "fine ok okay alright good sound matching compatible consistent compatibility consistency match mismatch correct agreement compliant correspondence consonant "
    "integrity intact valid right validity conformity mismatches verification check sync okay",
    "BIG": "how_big how_large how_tall how_dense how_wide how_voluminous how_much_volume how_high how_long how_thick how_many_cc "
    "how_many_ml how_many_millilitres how_many_milliliters how_bulky how_heavy how_many_cubic",
    "HELPWORD": "help_me a_manual the_manual user_manual help_me_use help_me_with_this help_me_with_the_program help_me_understand what's_possible what_is_there_to_do help what_can_you_do what_can_i_do what_can_i_say what_can_i_ask what_commands help_me_out instructions tutorial usage_guide "
    "what_do_you_do show_commands list_commands available_commands what_are_you_able manual_please user_guide cheat_sheet "
    "what_else_can_you_do what_things_can_you_do what_do_you_understand what_can_this_do what_can_this_program_do what_operations "
    "list_of_commands what_features what_functions what_can_it_do cheatsheet which_commands which_operations what_is_possible "
    "what_are_my_options what_options_do_i_have what_actions supported_commands command_list list_operations what_are_the_commands "
    "what_kind_of_commands what_sort_of_commands what_can_i_tell_you what_are_your_capabilities your_capabilities what_can_be_done "
    "what_can_this_software_do what_can_this_tool_do what_are_you_capable_of what_abilities what_can_spinalsam_do what_may_i_ask "
    "what_tasks what_all_can_you_do what_sort_of_things_can_you_do what_kind_of_things_can_you_do what_stuff_can_you_do what_is_supported",
    "HOWTO": "how_do_i how_can_i how_to how_do_you how_would_i how_does_one how_should_i how_do_we how_can_we how_may_i how_could_i how_might_i "
    "how_would_one how_are_we_supposed_to how_am_i_supposed_to teach_me show_me_how tell_me_how what_is_the_way_to what's_the_way_to "
    "explain_how walk_me_through what_do_i_do_to how_d_i how_can_one how_is_it_possible_to which_button where_do_i which_command "
    "where_can_i what_is_the_command what's_the_command how_must_i how_does_it_work_to what_steps how_does_this_work how_does_this_thing_work "
    "guide_me explain_to_me_how how_will_i what_must_i_do_to what_should_i_type what_do_i_type what_do_i_say how_would_you how_would_we "
    "what_do_i_have_to_do what_do_i_need_to_do how_should_one how_shall_i what_is_the_best_way_to what's_the_best_way_to "
    "is_there_a_way_to_learn show_me_the_way_to how_does_the how_do_the what's_the_procedure what_is_the_procedure what_shortcut "
    "what_key which_key how_does_it_work how_does_this_program_work how_is_the how_are_the how_is_a how_does_a how_to's learn_how",
    "THEN": "then afterwards afterward after_that thereafter subsequently finally lastly and_then next_up followed_by thereupon later_on "
    "after_which at_last once_done when_done once_finished once_that_is_done when_that's_done once_that's_done when_finished "
    "after_this and_finally and_after_that when_that_is_done once_that_is_finished after_doing_so having_done_that from_there "
    "when_you_are_done when_you're_done once_you're_done once_you_are_done to_finish in_the_end secondly thirdly followed_up_by "
    "plus_then and_next and_afterwards after_that_is_done when_ready once_ready following_that that_done with_that_done once_it's_done "
    "before_finally last_of_all as_a_last_step as_the_last_step as_a_final_step to_conclude when_it's_done once_complete when_complete "
    "thn den ending_with ending_in and_lastly and_subsequently",
    "AND": "and & plus also as_well_as along_with n together_with additionally and_also in_addition and_as_well or nor besides",
    "BUT": "but however though yet_also only instead_of_that although whereas except_that",
    "SO": "so therefore thus hence accordingly so_please",
    "AFTER": "after once as_soon_as when having immediately_after right_after just_after straight_after only_after only_once following_on_from "
    "now_that upon directly_after",
    "BEFORE": "before prior_to ahead_of previous_to right_before just_before until_after and_only_then_but_not_before preceding",
    "BECAUSE": "because since cause cuz because_of due_to in_order_to for_fear as_long_as given_that seeing_as so_that so_i_can "
    "so_we_can so_that_i so_that_we otherwise so_i so_they so_that_the so_the",
    "INSTEADOF": "rather_than instead_of in_place_of as_opposed_to in_lieu_of over_and_not and_not not_the but_not without except except_for but_for "
    "apart_from excluding other_than besides_the save_for minus with_no not_a not_any",
    "NEG": "hold_on hang_on hold_it wait_until wait_for wait_till wait_before hold_until not don't dont do_not never no doesn't didn't won't shouldn't mustn't can't cannot couldn't wouldn't isn't aren't wasn't weren't "
    "haven't hasn't neither nor hold_off refrain avoid stop quit don`t no_need needn't without nope nah cease abstain forbid prohibited "
    "not_yet no_longer shan't leave_alone skip_the abort dnt won't don;t doesnt didnt wont shouldnt mustnt cant couldnt wouldnt isnt "
    "arent hold_back keep_from steer_clear desist hands_off under_no_circumstances by_no_means forget_about ain't donot nobody nothing "
    "don't_you_dare pause_before no_one hold_fire hold_your_fire postpone delay wait_with wait_before resist unwise rather_not "
    "instead_of_clearing stay_away leave_off lay_off stopping keep_your_hands_off not_to",
    "NOTNEG": "don't_forget_to don't_forget do_not_forget_to dont_forget_to why_don't_you why_don't_we why_not can't_you couldn't_you won't_you "
    "wouldn't_you if_you_don't_mind if_you_wouldn't_mind if_it_isn't_a_bother if_it's_not_too_much_trouble if_that's_not_too_much_trouble "
    "don't_hesitate_to no_problem no_worries i_don't_suppose_you_could if_it_is_not_too_much_trouble if_it_isn't_too_much_trouble "
    "if_it's_no_bother if_it's_no_trouble if_it's_not_a_bother if_that_isn't_a_problem be_sure_to remember_to make_sure_to make_sure_you "
    "if_it's_not_a_problem if_that's_not_a_problem if_that's_no_trouble if_it_is_no_trouble can_not_you not_a_problem without_further_ado "
    "without_delay no_rush no_hurry why_don't_i i_can't_wait do_not_hesitate_to not_to_be_a_pain never_forget_to if_you_do_not_mind "
    "don't_worry i_don't_mind do_please without_hesitation not_to_bother_you not_to_be_rude if_not_too_much_trouble if_it's_not_too_much "
    "if_it_isn't_too_much why_dont_you if_you_dont_mind dont_mind no_pressure i_wouldn't_mind wouldn't_mind would_not_mind "
    "i_would_not_mind not_too_much_trouble if_this_isn't_a_bother if_not_a_bother couldn't_hurt_to would_not_hurt_to wouldn't_hurt_to "
    "if_it_does_not_bother_you make_certain_to be_a_dear_and be_so_kind_as_to go_ahead_and feel_free_to",
    "LATER": "tomorrow later_today next_week sometime someday eventually tonight in_a_minute in_a_bit in_a_moment soon shortly next_time "
    "another_day in_an_hour another_time maybe perhaps might probably this_afternoon some_day at_some_point monday tuesday wednesday "
    "thursday friday saturday sunday next_month for_later in_the_future",
    "PASTTIME": "yesterday last_week last_month last_year ago already last_night this_morning previously just_now the_other_day recently "
    "earlier_today last_time last_monday last_friday at_9_am overnight",
    "SCRATCH": "no_wait wait_no scratch_that strike_that i_mean i_meant i_mean_to_say or_rather actually_no no_actually no_sorry sorry_no make_that "
    "correction on_second_thought on_second_thoughts my_mistake my_bad no_i_mean no_i_meant sorry_i_meant sorry_i_mean i_misspoke no_no "
    "hang_on_no hold_on_no wait_actually no_scratch_that wait_i_mean wait_i_meant oops_i_mean oops_i_meant forget_that forget_it "
    "nah_actually actually_never_mind no_never_mind cancel_that no_make_that sorry_make_that or_better_still or_better_yet no_hang_on no_hold_on "
    "never_mind_that actually_make_that i_take_that_back i_should_say rather_make_it no_rather err_no uh_no um_no ah_no er_no oh_no "
    "nope no sorry wait oops whoops",
    "WEAKSCRATCH": "nope no sorry wait oops whoops never_mind",
    "GONE": "begone out_with away_with vanish disappear go_away away gone must_go should_go can_go have_to_go has_to_go be_gone to_go_away must_disappear should_disappear",
    "REDO": "forward_again_in_the_history do_it_again do_that_again ctrlyredo redos",
    "UNDO": "ctrlzundo undos take_that_back take_it_back take_this_back",
    "HIDE": "stop_drawing stop_rendering stop_overlaying no_longer_show stop_showing stop_displaying quit_showing quit_displaying",
    "SETLABEL": "call_the call_a call_this call_it call_my",
    "RESET": "empty_screen blank_screen clean_screen empty_workspace start_from_zero start_from_nothing begin_from_zero everything_back_to_the_beginning everything_back_to_the_start all_back_to_the_start everything_back_to_zero scratch_everything from_scratch clean_slate blank_slate fresh_start initial_state original_state default_state starting_state square_one",
    "CLEAR": "deletion removal erasure clearance eliminations",
    "ADD": "addition placement insertion",
    "EXPORT": "on_disk to_disk on_the_disk to_the_disk on_my_disk",
    "INFER": "inference prediction",
    "RUN": "let_the_model have_the_model have_sam let_sam get_sam_to ask_the_model_to tell_the_model_to have_the_network let_the_network let_the_algorithm",
    "GEN": "generation creation computation conversion convert transform",
    "SEG": "extraction detection identification delineating",
    "PROPAGATE": "propagation extension expansion",
    "MEASURE": "measurement",
    "CHECK": "verification validation inspection examination",
    "PLEASE": "please pls plz kindly pleas plese plz_ pretty_please",
    "WILL": "will would could can may shall should must ought might",
    "BE": "is are was were be been being am 's 're it's that's there's here's isn't aren't i'm we're you're they're he's she's what's who's where's",
    "HAVE": "have has had having 've i've we've they've you've hasn't haven't hadn't",
    "DOAUX": "do does did",
    "STATIVE": "lives resides clear_cut too_early too_late too_soon premature too_many too_much too_few too_big too_large too_small too_far too_bright too_dark too_close too_wide too_narrow too_high too_low looks look seems seem appears appear covers cover overlaps contains contain lies sits went became failed worked crashed froze "
    "works means mean sounds feels hurts happened took came turned went_missing misses missed overlap hangs broke seemed looked appeared covered "
    "took_a turns_out belongs matters drifted shifted disappeared vanished keeps leaks leaked leaking spills spilled spilling bleeds bled bleeding bulges bulging missing overflows overflowing stops stopped",
    "I": "i we us me my our mine myself ourselves",
    "YOU": "you your yourself u ya",
    "THIRD": "he she they him her them his their hers theirs someone somebody everyone everybody anyone people others",
    "PERSON": "doctor dr prof professor colleague boss radiologist surgeon nurse technician tech student intern team supervisor attending "
    "consultant fellow registrar shift mr mrs ms friend manager mentor resident reviewer reader senior junior radiographer "
    "neurosurgeon orthopod orthopedist orthopaedist physicist department director clinician physician chief lab family wife husband son daughter mother "
    "father brother sister customer client vendor coworker co-worker trainee assistant specialist protocol manual guideline guidelines paper "
    "textbook author authors article documentation readme email note rumor rumour poster slide lecture lecturer teacher examiner committee "
    "anesthetist oncologist neurologist neuroradiologist therapist pharmacist secretary receptionist admin administrator staff group "
    "dr. mr. mrs. ms. prof. hospital clinic ward sop report letter memo tutorial_video video sheet webinar software_vendor website "
    "somebody_else the_other_reader it_department crew gp annotator annotators developer developers predecessor peer peers roommate "
    "tom anna peter maria john mary david sarah mike lisa bob alice jim kate paul emma jack lucy wang li zhang chen liu patel smith jones "
    "lee kim brown miller garcia nguyen khan singh novak ivanov schmidt dubois rossi tanaka yamamoto mueller muller",
    "PATIENT": "patient patients",
    "WH": "what why who when where which whose whom what's who's where's when's how",
    "HOW": "how",
    "WHERE": "where where's whereabouts",
    "IF": "in_case if unless whether whenever suppose supposing assuming provided in_the_event had_i were_i imagine",
    "IFPOLITE": "if_it's_at_all_possible if_it_is_at_all_possible if_it's_no_hassle if_it's_convenient if_you've_got_a_second if_you've_a_moment when_you've_a_moment if_possible if_you_can if_you_could if_you_please if_you_would if_that's_ok if_that's_okay if_that_is_ok if_ok "
    "if_you_have_a_moment if_you_have_a_second if_you_have_time if_i_may if_at_all_possible if_needed if_necessary if_you_will "
    "if_you_like if_that's_fine if_it's_ok if_it's_okay if_that_works if_it_is_ok if_that's_possible if_it's_possible if_convenient "
    "if_you'd_be_so_kind if_you_would_be_so_kind if_that_is_okay if_you_want if_i_could if_it_is_possible if_allowed if_you_get_a_chance "
    "if_that's_alright if_you_are_ready if_it's_alright if_it_pleases_you if_it_helps when_you_have_a_moment when_you_get_a_chance "
    "when_you_have_a_second when_you_can when_you_get_a_second when_convenient whenever_you_can whenever_you're_ready "
    "when_you're_ready when_you_are_ready whenever_you_have_time when_you_have_time as_soon_as_possible asap if_u_can "
    "if_it's_possible_at_all if_you'd_like if_it_suits_you if_i_might if_you_re_ready if_you_feel_like_it if_that_suits whenever_convenient "
    "at_your_convenience as_soon_as_you_can once_you_have_a_moment when_you_get_the_chance if_it's_not_too_late if_you_don't_have_anything_better",
    "ASKREQ": "can_you could_you would_you will_you can_we could_we can_i could_i may_i may_we might_i are_you_able_to is_it_possible_to "
    "would_it_be_possible_to do_you_mind would_you_mind any_chance_you_could any_chance_of is_there_any_chance is_there_a_chance "
    "how_about what_about do_me_a_favor do_me_a_favour would_you_please shall_we can_u could_u cld_you wld_you any_chance_we_could "
    "is_it_ok_to is_it_okay_to is_it_possible_for_you_to could_it_be_possible_to think_you_could think_you_can do_you_think_you_could "
    "do_you_think_you_can i_wonder_if_you_could i_was_wondering_if_you_could wondering_if_you_could i_wonder_whether_you_could "
    "i_was_wondering_whether_you_could i_was_hoping_you_could i_was_hoping_you_would might_you would_you_be_able_to could_someone "
    "can_somebody could_somebody can_someone would_you_be_so_kind_as_to would_it_be_possible_for_you_to i'd_appreciate_it_if_you_could "
    "i_would_appreciate_it_if_you_could it_would_be_great_if_you_could it_would_be_nice_if_you_could it'd_be_great_if_you_could "
    "i'd_be_grateful_if_you_could i_would_be_grateful_if_you_could i'd_be_happy_if_you_could mind_if_we mind_if_i do_you_mind_if_i "
    "is_there_any_way_you_could is_there_a_way_to is_there_any_way_to any_way_to any_chance_to can_ya could_ya would_ya "
    "would_it_be_ok_to would_it_be_okay_to i'd_appreciate_it_if_you_would would_you_kindly could_you_kindly care_to "
    "could_the_program could_the_software can_the_program can_the_software i_don't_suppose_you_could is_it_possible_that_you "
    "would_you_be_willing_to i'd_be_glad_if_you_could perhaps_you_could maybe_you_could maybe_we_could perhaps_we_could could_you_maybe "
    "could_you_perhaps could_you_possibly can_you_possibly can_you_maybe what_if_we_just might_we could_we_maybe could_we_perhaps "
    "can_we_maybe it_would_be_lovely_if_you_could it'd_be_nice_if_you_could i_hope_you_can i_hope_you_could i_hope_you_could i'd_love_it_if_you_could "
    "i_would_love_it_if_you_could could_i_ask_you_to may_i_ask_you_to can_i_ask_you_to could_i_trouble_you_to can_i_trouble_you_to could_i_get_you_to "
    "can_i_get_you_to i'd_ask_you_to let_me_ask_you_to i_need_you_to i_want_you_to i'd_like_you_to i_would_like_you_to i'd_want_you_to "
    "could_you_try_to can_you_try_to what_do_you_say_we would_it_be_alright_to",
    "ADVICE": "do_you_like do_you_want do_you_love do_you_hate do_you_need do_you_care do_you_mean do_you_enjoy do_you_understand should_i should_we shall_i do_you_think do_you_agree do_you_know do_you_believe do_you_recommend do_you_see is_it_wise is_it_safe what_if "
    "what_would what_happens what_will_happen which_is_better is_it_better would_it_help is_it_worth would_you_recommend "
    "would_it_be_better would_it_be_wise what_happened do_you_remember what_do_you_think is_it_necessary do_we_need do_i_need do_i_have_to "
    "do_we_have_to is_it_true why_would would_you_rather do_you_prefer is_it_normal am_i_allowed must_i are_we_supposed is_it_advisable "
    "what's_the_difference what_is_the_difference what_does what_is_a what_is_an what's_a what's_an what_are did_you did_i did_we "
    "did_the did_it did_he did_she did_they have_you have_i have_we has_the has_it has_he has_she has_anyone had_you are_there were_there "
    "can_i_trust is_it_good is_it_bad would_it would_that is_this is_that are_these are_those was_the were_the was_it is_it_a "
    "could_this could_that could_it_be might_this might_it may_this can_this_be does_this does_that does_it do_these do_those will_this "
    "will_it will_that what_causes what_caused why_is why_are why_does why_did why_was why_do why_were who_is who_was who_did who_drew "
    "when_was when_is when_did when_will is_there_a_reason any_idea what_made how_come how_many how_often how_old how_likely "
    "how_accurate how_good how_reliable how_sure how_confident how_did how_was how_has how_well how_long_does how_long_will how_fast would_it_make_sense does_it_make_sense "
    "is_it_worthwhile would_you_say is_it_ok_if_the are_you_sure are_we_sure do_you_want would_you_like_me would_you_like do_they did_somebody did_someone",
    "REQUEST": "we_could_do_with i_could_do_with we_can_do_with i_can_do_with could_do_with can_do_with i'd_appreciate i_would_appreciate i'd_welcome i'd_go_for i'd_be_happy_with i'd_be_glad_of i_would_welcome i'm_looking_for it'd_be_nice_to_have it_would_be_nice_to_have it'd_be_good_to_have i_want i_need i'd_like i_would_like i'd_love we_need we_want we'd_like we_would_like let's lets let_us give_me get_me show_me i_wish_to i_wish_for "
    "i'd_want i_require we_require i_prefer i'd_prefer i_would_prefer i_would_love gimme i'll_have i'll_take you_should you_must you_can you_need_to you_have_to "
    "you_may you_could we_should we_must we_have_to i_want_to i_need_to let_me_have let_me_see let_me_look_at let_me_view let_me_get i'd_like_to_see "
    "time_to it's_time_to now_we_need wanna i_wanna we_can let_me_take_a_look_at i_would_want lemme_see lemme_have i'm_after we're_after "
    "i_am_looking_for i'm_looking_for we'll_need i'll_need we_will_need i_will_need i_could_use we_could_use i_have_to i_must i_gotta i've_got_to "
    "we've_got_to we_ought_to i_ought_to need_to want_to your_job_is_to your_task_is_to i_request i_ask_you_to would_like would_love i'd_request "
    "i_order_you_to you're_to you_are_to it_is_time_to let_us_have let's_have let's_see ought_to have_to need_you_to want_you_to i'm_ready_for "
    "ready_to i_am_ready_to i'm_ready_to ready_for allow_me_to_see permit_me_to_see shall_be let_the_model let_it let_sam let_the_program let_the_network get_the_model_to "
    "have_the_model make_the_model get_sam_to get_it_to go_and let_the_algorithm have_sam ask_the_model_to tell_the_model_to",
    "INTENT": "i_will i'll we_will we'll i'm_going_to i_am_going_to we're_going_to i_was_going_to i_might i_may i_could i_can i'm_about_to i_plan_to i'm_planning i_plan "
    "i'm_thinking i_was_thinking thinking_about thinking_of i_am_thinking considering i_was_about_to i_intend i'm_considering i_would i'd we'd "
    "i_should i_shall let_me lemme i'm_tempted i_used_to i_tend_to i_usually i_always i_often we_usually we_always we_normally i_normally "
    "i_tried i'm_trying i_am_trying i_hope i_think i_guess i_believe i_suppose i_wonder i_know i_see i_remember i_forgot i_thought i_doubt i_feel "
    "we_tried we_used_to we_think we_could we_may we_might i_was_told i_heard i_read i_dreamt i_dreamed i_love i_like i_hate i_enjoy i_keep "
    "i_am i'm we_are we're i_was we_were i_did we_did",
    "OOS": "face nose mouth chin ear ears eye eyes arm arms leg legs finger fingers knee knees shoulder shoulders email e-mail mail fax phone telephone sms whatsapp slack teams telegram tweet post_it upload_to pacs print printer "
    "prescribe prescription diagnose diagnosis schedule appointment calendar book_a invoice bill billing password username login log_in "
    "database record records weather joke music song play movie translate translation buy order_a coffee lunch dinner pizza "
    "download install uninstall update upgrade reboot restart_the_computer shut_down google internet web browser wifi bluetooth "
    "teams_message message reply forward_it forward_this forward_to dictate dictation transcribe report_for write_a_report write_the_report draft "
    "summarise summarize summary referral sign_off screenshot screen_shot zoom rotate pan crop resize rename annotate_pathology brightness "
    "smooth dilate erode invert sharpen denoise blur morph fill_holes undistort deform register_to coregister co-register fuse merge subtract "
    "resample normalise normalize anonymise anonymize deidentify de-identify train retrain fine-tune finetune optimise optimize benchmark "
    "colour color recolour recolor palette opacity transparent transparency theme dark_mode language_setting font volume_up volume_down mute sound "
    "money bitcoin stock news recipe poem story essay homework python script code program_a excel spreadsheet powerpoint slides word_document pdf "
    "cobb angle lordosis kyphosis distance ruler protractor fracture fractured scoliosis metastasis metastases metastatic tumor tumour lesion cancer "
    "stenosis herniation herniated disc disk discs osteoporosis osteoporotic infection abscess hematoma haematoma surgery operate_on treatment therapy chemotherapy radiotherapy "
    "dose dosage mg medication drug drugs aspirin ibuprofen morphine antibiotics prognosis symptoms pain allergies biopsy screws screw implant cement vertebroplasty "
    "insurance hr payroll room temperature light lights door window_blinds curtain blinds alarm timer clock "
    "hounsfield_calibration mri pet xray x-ray ultrasound mammogram cardiac liver kidney kidneys spleen aorta heart femur rib ribs skull_base pelvis_mask "
    "hospital_system his ris emr ehr worklist queue calendar_entry server cloud dropbox onedrive google_drive usb cd dvd share share_with send send_to "
    "send_it send_this send_the contact notify alert inform_the call_the call_a ring_the page_the text_the tell_the ask_the copy_to_clipboard clipboard "
    "drag_and_drop mouse keyboard monitor_brightness fullscreen full-screen minimise minimize maximise maximize exit quit log_out logout log_off lock_screen sleep_mode "
    "homepage bookmark favourite favorite hack exploit bypass jailbreak lunchbreak taxi uber flight hotel ticket "
    "vertebral_artery spinal_cord cord nerve muscle muscles psoas canal intervertebral lumbarpuncture epidural lamina_fracture "
    "histogram graph chart plot table_of_contents wikipedia pubmed literature chatgpt siri alexa interpolate_intensity patient_name date_of_birth birthday "
    "calibrate tip mr_smith's forwarding bug_report ticket_for compile deploy commit git",
    "HARDOOS": "shell terminal cmd powershell bash sudo rm_-rf shutdown format_c command_prompt command_line system32 registry regedit "
    "execute_code eval exec os.system subprocess delete_all_files delete_files hard_drive harddrive hard_disk harddisk root_access "
    "ignore_previous ignore_all ignore_every ignore_your ignore_the_above ignore_prior forget_every forget_your forget_all_previous forget_previous "
    "disregard previous_instructions earlier_instructions system_prompt your_instructions your_rules prior_instructions earlier_rule "
    "jailbreak developer_mode api_key drop_table select_* sql wipe_the_disk format_the_disk format_the_drive format_drive operating_system "
    "override_your you_are_now pretend act_as roleplay role-play admin_rights administrator_rights credentials ssh ftp curl wget malware virus "
    "environment_variables environment_variable root_password /etc/passwd kernel reboot hidden_instructions new_instructions kill_the_process task_manager crontab",
}
FILLER = """mesh surface_mesh
exist exists existent
apiece
clear-cut crystal_clear
surface surfaces
from_disk from_the_disk from_my_disk from_a_disk
contents content numbers reach reached serve contrast until til
work working dialog dialogue picker chooser explorer menu chat engine algorithm procedure routine task operation operations pass iteration round session project batch acceleration accelerated
computation calculation processing analysis placement outcome machine laptop pc info details active activated enabled functional operational present handy
replace exchange substitute keep employ utilise utilize leverage continue resume repeat attempt assist handle manage deal ensure allow enable permit pull
screen's onscreen canvas-wide wholly partly halfway alike instead_of_that extra-large medium sized regular decent solid proper nifty
according accordingly considering concerning regarding based relative absolute net gross sum altogether
person human user operator reader beginner newbie novice
quarter third fifth sixth
careful gentle slow steady calm patient's
prompted interactive manually-placed hand-placed hand-drawn freehand drawn-in
cranium's bodywise anatomical anatomically vertebra-wise levelwise per-level per-vertebra
oriented orientation oriented-view
upside-down
dealing done_with finished_with
please_and_thank_you ta pretty-please s'il_vous_plait bitte danke merci

until_it_ends until_it_stops until_the_end until_the_very_end till_the_end on_disk to_disk on_the_disk to_the_disk on_my_disk
spanning covering encompassing including zero double triple based driven guided derived prompted inclusive
beside
different various certain specific particular individual separate single adjacent neighbouring neighboring surrounding exact approximate suitable
appropriate relevant remaining rest corresponding respective overall general main brief tiny huge long short high low wide narrow sharp crisp blurry dense sparse even uneven
right-hand left-hand slate loaded displayed open opened front rear far deep shallow outer inner visible true false simple easy hard nearest closest nearby opposite
ahead afterwards forward whichever wherever though unless despite plus minus versus except beyond behind off underneath
today's week month again anew once immediate rapid speedy swift prompt promptly quickest sooner soonest smoothly pronto stat
job go-ahead turn round line lines row rows grid pattern fashion shape shaped sized size-wise style format-wise pair pairs group set sets batch bunch cluster ring
morning evening afternoon night day doc boss captain chief dear friend sweetheart honey darling champ homie everybody all-in-all
dead center-left halfway-up roughly-speaking around-about or so ish something-like like about around
good-looking messy ugly silly stupid useless unnecessary redundant superfluous stray misplaced wrong incorrect bad faulty erroneous mistaken obsolete outdated unwanted unneeded
i'd_say i_would_say i_reckon say_about let's_say say
instead against sanity item items wait else same way somehow possible inside within beneath beside besides alongside between toward towards during amongst among onto
a an the this that these those it its it's of to in at onto into upon over around about along across for by as and with within inside between
some any more few several handful bunch couple another other additional extra each per every just now right really quickly quick fast immediately instantly straightaway
directly actually simply only maybe ok okay alright well hey hi hello yo dear so um uh er hmm oh ah please thanks thank thx ty cheers sorry excuse pardon great good nice
fine perfect cool yes yeah yep yup sure certainly do does doing done be been being is are was were am will would could can may shall should must
i we us me my our mine you your u ya he let lets let's go going gonna want wanna need needs like would'd there here where near next_to beside at_the very too also still again once_more
back up down off on out away over through via using use way manner kind sort type one ones thing things stuff bit little big small whole entire
current currently existing present previous last old first new same own given specified following listed called named entitled titled
my_friend mate buddy pal dude man guys folks sir madam boss_man assistant computer machine system software program app spinalsam sam model
automatically automatic auto manually manual fully completely entirely totally straight all both either full
bro friend team_mate lovely wonderful awesome brilliant amazing much very_much lot a_lot many appreciated appreciate grateful kind kindly favour favor bother trouble mind problem worries
quick_question moment second sec minute time today tonight while for_me me_please for_us fellow
region area part zone section segment level body bodies vertebra vertebrae vertebral bone bony structure anatomy spinal process processes spinous transverse pedicle pedicles lamina laminae facet facets endplate endplates
left right anterior posterior lateral medial superior inferior upper lower central centre center middle edge border margin corner corners top bottom side sides
pixel pixels px coordinate coordinates position positions location locations spot spots place places at x y row column col coord coords xy value values
hu hounsfield unit units mm cm number no num nr # count total exactly precisely roughly approximately circa ca at_least
file files format image images picture slice slices screen viewer view display window disk drive desktop folder path named under
from until till per such that's what's which who whose when what how if then than as_well too yet already
step steps action actions edit edits change changes time times
first second third finally lastly firstly secondly begin start end initially eventually meanwhile basically literally honestly frankly obviously
set get make take give have has had having put keep run show see look
ready next nexts set-up up-to-date and/or etc eg ie e.g i.e vs versus
mine ours yours hers theirs his her him them they their she
anyway anyways btw fyi asap pls plz kthx lol haha hehe wow oops whoops ooh aha
think guess believe suppose seems looks look seem wish hope feel sounds
prompt prompts annotation annotations existing placed drawn marked selected chosen available
model's image's it'll that'll there's we'll you'd evenly spaced randomly random spread distributed uniformly equally total apart
tight tightly tighter loose loosely rough nice neat neatly proper properly correct correctly clean cleanly accurate accurately precise
somewhere anywhere everywhere wherever whatever whichever something anything everything nothing
because since though although however besides moreover furthermore
try trying help_me hurry urgently urgent important
fresh freshly onward around_here hand handy point-wise
case study patient patient's today's latest recent newest other_one
sub each_other together separately individually respectively simultaneously
want_to need_to got gotta ought have_to able possible possibly ideally preferably better best
complete completed finish finished finishing done through_with
quite pretty fairly somewhat rather
standard default normal usual typical typically regular custom preset presets setting settings option options mode value
interest target object targets objects ct scan volume data dataset series spine
also_please thanks_a_lot thank_you thanks_in_advance many_thanks much_obliged good_morning good_afternoon good_evening
axis direction directions side ways towards toward
hmm mm ahem er erm uhm umm ugh
correctly smart smartly nicely gently carefully slowly
your_majesty s t d m re ve ll
yourself myself itself themselves
""".split()
# Words that are read elsewhere (regions, numbers) or are mere fillers, to which slips are corrected all the same.
OTHER_WORDS = (
    "cervical thoracic lumbar sacral sacrum coccyx coccygeal dorsal atlas axis spine spinal vertebra vertebrae vertebral column body bodies level levels segment "
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty "
    "seventy eighty ninety hundred thousand dozen dozens couple half pair first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
    "once twice thrice minus "
    "please could would should kindly thanks with from into onto over around about between through towards toward across along this that these those their there "
    "what which where when then next before after again also just only now some more another every each whole entire both between"
)
# Which word is rather meant where two are equally near.
COMMON = {
    word: rank
    for rank, word in enumerate(
        "mask masks point points boxes slice slices image images segment segmentation clear delete remove generate place draw add show hide export save "
        "open load move give make mark drop view window level width undo redo measure volume label propagate next previous forward back please "
        "spine lumbar thoracic cervical sacrum coccyx vertebra three four five seven eight nine couple dozen half around from with the".split()
    )
}
# Real words that are surely slips in a sentence to this program.
SLIPS: dict[str, str] = {
    "grafics": "graphics",
    "grafic": "graphic",
    "grafix": "graphics",
    "staus": "status",
    "stauts": "status",
    "drip": "drop",
    "pace": "place",
    "ease": "erase",
    "male": "make",
    "fund": "find",
    "sine": "spine",
    "scrum": "sacrum",
    "thorugh": "through",
    "trhough": "through",
    "wat": "want",
    "sie": "size",
    "siez": "size",
    "pleas": "please",
    "ad": "add",
    "addd": "add",
    "aad": "add",
    "dad": "add",
    "opn": "open",
    "og": "go",
    "pint": "point",
    "pints": "points",
    "piont": "point",
    "pionts": "points",
    "mast": "mask",
    "masc": "mask",
    "maks": "mask",
    "mak": "make",
    "massk": "mask",
    "lumber": "lumbar",
    "lumbr": "lumbar",
    "saggital": "sagittal",
    "saggittal": "sagittal",
    "bow": "box",
    "bok": "box",
    "bx": "box",
    "bxo": "box",
    "msk": "mask",
    "pnts": "points",
    "pts": "points",
    "teh": "the",
    "hte": "the",
    "adn": "and",
    "nad": "and",
    "fo": "of",
    "ot": "to",
    "tow": "two",
    "wiht": "with",
    "form": "from",
    "clera": "clear",
    "claer": "clear",
    "cler": "clear",
    "clr": "clear",
    "unod": "undo",
    "opne": "open",
    "ope": "open",
    "oepn": "open",
    "shwo": "show",
    "hid": "hide",
    "wnidow": "window",
    "veiw": "view",
    "nxt": "next",
    "slcie": "slice",
    "gen": "generate",
    "gpu's": "gpu",
    "corona": "coronal",
    "cornal": "coronal",
    "axil": "axial",
    "axail": "axial",
    "trhee": "three",
    "thre": "three",
    "fuor": "four",
    "fiev": "five",
    "agian": "again",
    "seg": "segment",
    "segement": "segment",
    "segmnet": "segment",
    "sgement": "segment",
    "measue": "measure",
    "expotr": "export",
    "exprot": "export",
    "sav": "save",
    "helo": "hello",
    "hlep": "help",
    "hepl": "help",
    "cehck": "check",
    "vertabra": "vertebra",
    "vertabrae": "vertebrae",
    "vertebre": "vertebrae",
    "vertebras": "vertebrae",
    "sacrem": "sacrum",
    "sacram": "sacrum",
    "redu": "redo",
    "reod": "redo",
    "redoo": "redo",
    "udno": "undo",
    "und": "undo",
    "satck": "stack",
    "thorasic": "thoracic",
    "thoracal": "thoracic",
    "dawn": "down",
    "dwon": "down",
    "donw": "down",
    "pu": "up",
    "lng": "lung",
    "bon": "bone",
    "boen": "bone",
    "imgae": "image",
    "iamge": "image",
    "delet": "delete",
    "delte": "delete",
    "dlete": "delete",
    "remvoe": "remove",
    "remov": "remove",
    "propogate": "propagate",
    "nifty": "nifti",
    "niftii": "nifti",
    "nift": "nifti",
    "nrdd": "nrrd",
    "slt": "stl",
    "plas": "please",
    "wieghts": "weights",
    "wights": "weights",
    "wheights": "weights",
    "chekpoint": "checkpoint",
    "gup": "gpu",
    "gpus": "gpu",
    "gpuu": "gpu",
    "sate": "state",
    "stat": "status",
    "satus": "status",
    "statsu": "status",
    "backgroud": "background",
    "negitive": "negative",
    "widht": "width",
    "widt": "width",
    "lvel": "level",
    "leve": "level",
    "levle": "level",
    "cervial": "cervical",
    "cervicle": "cervical",
    "cervicals": "cervical",
    "spin": "spine",
    "spien": "spine",
    "sipne": "spine",
    "spne": "spine",
    "scaral": "sacral",
    "squre": "square",
    "rectangel": "rectangle",
    "retangle": "rectangle",
    "rectange": "rectangle",
    "arround": "around",
    "arund": "around",
    "frist": "first",
    "fisrt": "first",
    "lats": "last",
    "midle": "middle",
    "sice": "slice",
    "slic": "slice",
    "silce": "slice",
    "slide": "slice",
    "sliec": "slice",
    "generat": "generate",
    "creat": "create",
    "plce": "place",
    "ponts": "points",
    "pont": "point",
    "poinst": "points",
    "pionst": "points",
    "dots": "points",
    "yuo": "you",
    "waht": "what",
    "taht": "that",
    "thsi": "this",
    "cna": "can",
    "cuold": "could",
    "coudl": "could",
    "plaese": "please",
    "cud": "could",
    "wud": "would",
    "u": "you",
    "ur": "your",
    "r": "are",
    "thru": "through",
    "b4": "before",
    "w/": "with",
    "w": "w",
    "tmrw": "tomorrow",
    "wont": "won't",
    "dont": "don't",
    "cant": "can't",
    "doesnt": "doesn't",
    "didnt": "didn't",
    "shouldnt": "shouldn't",
    "isnt": "isn't",
    "im": "i'm",
    "ive": "i've",
    "youre": "you're",
    "thats": "that's",
    "whats": "what's",
    "hows": "how's",
    "id": "i'd",
    "wouldnt": "wouldn't",
    "couldnt": "couldn't",
    "havent": "haven't",
    "hasnt": "hasn't",
    "mustnt": "mustn't",
    "arent": "aren't",
    "wasnt": "wasn't",
    "dnt": "don't",
    "don": "don't",
    "dn't": "don't",
    "nto": "not",
    "evrything": "everything",
    "everythin": "everything",
    "imge": "image",
    "fiel": "file",
    "flie": "file",
    "al": "all",
    "lable": "label",
    "lables": "labels",
    "volum": "volume",
    "mesure": "measure",
    "calculte": "calculate",
    "soft-tisue": "soft-tissue",
    "tisue": "tissue",
    "tissues": "tissue",
    "prevous": "previous",
    "previus": "previous",
    "pervious": "previous",
    "prevoius": "previous",
    "verfy": "verify",
    "vrify": "verify",
}
