// What is changed in session descriptions, and read from them.

/** The sections of a description: the session's, then one for each medium. */
const sections = (sdp) => sdp.split(/(?=^m=)/m);

/** Limits media to so many kbit/s, { video, audio }; 0 leaves a medium as it is. */
export function limitBandwidth(sdp, limits) {
    return sections(sdp)
        .map((section) => {
            const limit = limits[/^m=(\w+)/.exec(section)?.[1]];
            return limit > 0 ? limitSection(section, limit) : section;
        })
        .join('');
}

function limitSection(section, limit) {
    const lines = section.split('\r\n').filter((line) => !line.startsWith('b='));
    // b= comes after i= and c= (RFC 8866, 5).
    const place = lines.findIndex((line, index) => index > 0 && !/^[ic]=/.test(line));
    lines.splice(place, 0, `b=AS:${limit}`);
    return lines.join('\r\n');
}

/** Whether the other side takes or sends video at all. */
export function hasVideo(sdp) {
    return sections(sdp).some((section) => /^m=video [1-9]/.test(section) && !/^a=inactive/m.test(section));
}
