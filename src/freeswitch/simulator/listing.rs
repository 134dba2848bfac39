//! The lists of conferences, as FreeSWITCH 1.11 writes them.

use std::fmt::Write;

use chrono::TimeDelta;

use super::{
    conferences::{Conference, Member, Moment},
    encoding::{escape_xml, percent_encode},
};

/// `conference xml_list`, or `conference NAME xml_list` of one.
pub(super) fn xml_list(conferences: &[&Conference], now: Moment) -> String {
    let mut document = "<?xml version=\"1.0\"?>\n<conferences>".to_owned();
    for conference in conferences {
        document.push('\n');
        xml_conference(&mut document, conference, now);
    }
    if !conferences.is_empty() {
        document.push('\n');
    }
    document.push_str("</conferences>\n");
    document
}

/// Adds formatted lines to a text. Writing to a String cannot fail.
macro_rules! add {
    ($text:expr, $($format:tt)*) => {
        let _ = writeln!($text, $($format)*);
    };
}

fn xml_conference(document: &mut String, conference: &Conference, now: Moment) {
    let attribute =
        |name: &str, is_true: bool| if is_true { format!(" {name}=\"true\"") } else { String::new() };
    let flags: String = flags(conference).map(|(name, is_true)| attribute(name, is_true)).concat();
    add!(
        document,
        "  <conference name=\"{}\" member-count=\"{}\" ghost-count=\"{}\" rate=\"{}\" uuid=\"{}\"{flags} run_time=\"{}\">",
        escape_xml(&conference.name),
        conference.size(),
        conference.ghosts(),
        conference.profile.rate,
        conference.uuid,
        seconds(now - conference.started),
    );
    if conference.variables.is_empty() {
        add!(document, "    <variables></variables>");
    } else {
        add!(document, "    <variables>");
        for (name, value) in &conference.variables {
            let (name, value) = (escape_xml(name), escape_xml(value));
            add!(document, "      <variable name=\"{name}\" value=\"{value}\"></variable>");
        }
        add!(document, "    </variables>");
    }
    add!(document, "    <members>");
    for recording in &conference.recordings {
        let status = if recording.paused { " status=\"paused\"" } else { "" };
        add!(document, "      <member type=\"recording_node\">");
        add!(document, "        <record_path{status}>{}</record_path>", escape_xml(&recording.path));
        add!(
            document,
            "        <join_time type=\"UNIX-epoch\">{}</join_time>",
            recording.started.timestamp()
        );
        add!(document, "      </member>");
    }
    for member in &conference.members {
        xml_member(document, conference, member, now);
    }
    document.push_str("    </members>\n  </conference>");
}

/// What can be true of a conference, in the order of the list.
fn flags(conference: &Conference) -> [(&'static str, bool); 10] {
    [
        ("locked", conference.locked),
        ("running", true),
        ("answered", true),
        ("enforce_min", true),
        ("dynamic", true),
        ("exit_sound", true),
        ("enter_sound", true),
        ("recording", conference.is_recorded()),
        ("video_floor_only", conference.profile.video),
        ("video_rfc4579", conference.profile.video),
    ]
}

fn xml_member(document: &mut String, conference: &Conference, member: &Member, now: Moment) {
    add!(document, "      <member type=\"caller\">");
    add!(document, "        <id>{}</id>", member.id);
    add!(document, "        <flags>");
    for (name, is_true) in [
        ("can_hear", member.can_hear && !member.hold),
        ("can_see", member.can_see && !member.hold),
        ("can_speak", member.can_speak && !member.hold),
        ("mute_detect", false),
        ("talking", member.talking),
        ("hold", member.hold),
        ("has_video", false),
        ("video_bridge", false),
        ("has_floor", conference.floor == Some(member.id)),
        ("is_moderator", member.moderator),
        ("end_conference", member.end_conference),
        ("mandatory_member_end_conference", false),
        ("is_ghost", member.ghost),
    ] {
        add!(document, "          <{name}>{is_true}</{name}>");
    }
    add!(document, "        </flags>");
    add!(document, "        <uuid>{}</uuid>", member.uuid);
    add!(document, "        <caller_id_name>{}</caller_id_name>", percent_encode(&member.name));
    add!(
        document,
        "        <caller_id_number>{}</caller_id_number>",
        percent_encode(member.number.as_bytes())
    );
    add!(document, "        <join_time>{}</join_time>", seconds(now - member.joined));
    let talked = match member.talked {
        None => "N/A".to_owned(),
        Some(_) if member.talking => "0".to_owned(),
        Some(moment) => seconds(now - moment).to_string(),
    };
    add!(document, "        <last_talking>{talked}</last_talking>");
    add!(document, "        <energy>{}</energy>", member.energy);
    add!(document, "        <volume_in>{}</volume_in>", member.volume_in);
    add!(document, "        <volume_out>{}</volume_out>", member.volume_out);
    add!(document, "        <output-volume>0</output-volume>");
    add!(document, "      </member>");
}

/// `conference list`: bytes, because callers' names are as they were sent.
pub(super) fn list(conferences: &[Conference]) -> Vec<u8> {
    if conferences.is_empty() {
        return b"+OK No active conferences.\n".to_vec();
    }
    let mut text = Vec::new();
    for conference in conferences {
        let size = conference.size();
        let plural = if size == 1 { "" } else { "s" };
        let locked = if conference.locked { "locked " } else { "" };
        let mut names: Vec<_> =
            flags(conference).into_iter().filter(|(_, is_true)| *is_true).map(|(name, _)| name).collect();
        if conference.profile.video {
            names.extend(["transcode_video", "video_muxing"]);
            names.extend(["minimize_video_encoding", "manage_inbound_bitrate"]);
        }
        names.push("json_status");
        if conference.profile.video {
            names.push("video_required_for_canvas");
        }
        let header = format!(
            "+OK Conference {} ({size} member{plural} rate: {} {locked}flags: {})\n",
            conference.name,
            conference.profile.rate,
            names.join("|")
        );
        text.extend_from_slice(header.as_bytes());
        text.extend(list_members(conference));
    }
    text
}

/// `conference NAME list`.
pub(super) fn list_members(conference: &Conference) -> Vec<u8> {
    let mut text = Vec::new();
    for member in &conference.members {
        let flags: Vec<_> = [
            ("hear", member.can_hear && !member.hold),
            ("speak", member.can_speak && !member.hold),
            ("talking", member.talking),
            ("hold", member.hold),
            ("floor", conference.floor == Some(member.id)),
            ("moderator", member.moderator),
            ("ghost", member.ghost),
        ]
        .into_iter()
        .filter(|(_, is_true)| *is_true)
        .map(|(name, _)| name)
        .collect();
        text.extend_from_slice(
            format!("{};loopback/{}-b;{};", member.id, member.dialled, member.uuid).as_bytes(),
        );
        text.extend_from_slice(&member.name);
        let rest = format!(
            ";{};{};{};{};{}\n",
            member.number,
            flags.join("|"),
            member.volume_in,
            member.volume_out,
            member.energy
        );
        text.extend_from_slice(rest.as_bytes());
    }
    text
}

/// Whole seconds that have passed.
fn seconds(time: TimeDelta) -> i64 {
    time.num_seconds().max(0)
}
