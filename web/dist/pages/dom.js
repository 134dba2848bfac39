// Making elements. Whatever names and messages hold becomes text, never HTML.

/** An element with properties, `data-...` and `aria-...` attributes among them, and children: elements or text. */
export function element(tag, properties = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
        if (name.includes('-')) {
            made.setAttribute(name, value);
        } else {
            made[name] = value;
        }
    }
    made.append(...children);
    return made;
}

/** Sets the text of an element, unless it has it already: what is read out, or selected, stays. */
export function setText(target, text) {
    if (target.textContent !== text) {
        target.textContent = text;
    }
}

/** The element of this id. */
export function byId(id) {
    return document.getElementById(id);
}
