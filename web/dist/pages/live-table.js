// A table that follows rows which change: what stays the same is not touched, so that focus and selection stay where they are.

import { element, setText } from './dom.js';

export class LiveTable {
    #table;
    #body;
    #key;
    #columns;
    /** The row shown for each key: its element, and what it shows now. */
    #shown = new Map();

    /**
     * Fills `table`. `key(row)` tells rows apart. A column is a function that gives a row's text, or an array of buttons,
     * each `{ label(row), name(row), isPressed(row), act(row) }`: what stands on it, what it is called, whether it is on, and what it does.
     */
    constructor(table, { key, columns }) {
        this.#table = table;
        this.#body = table.tBodies[0];
        this.#key = key;
        this.#columns = columns;
    }

    /** Shows these rows, in this order. */
    show(rows) {
        const keys = rows.map(this.#key);
        const gone = new Set(this.#shown.keys());
        rows.forEach((row, place) => {
            const shown = this.#find(keys[place]);
            shown.row = row;
            shown.update();
            if (this.#body.rows[place] !== shown.element) {
                this.#body.insertBefore(shown.element, this.#body.rows[place] ?? null);
            }
            gone.delete(keys[place]);
        });
        gone.forEach((key) => {
            this.#shown.get(key).element.remove();
            this.#shown.delete(key);
        });
        this.#table.classList.toggle('empty', rows.length === 0);
    }

    #find(key) {
        if (!this.#shown.has(key)) {
            this.#shown.set(key, this.#make());
        }
        return this.#shown.get(key);
    }

    #make() {
        const shown = { element: element('tr'), row: undefined, update: () => updates.forEach((update) => update(shown.row)) };
        const updates = this.#columns.flatMap((column) => {
            const cell = shown.element.insertCell();
            return Array.isArray(column)
                ? column.map((button) => makeButton(cell, button, shown))
                : (row) => setText(cell, column(row));
        });
        return shown;
    }
}

function makeButton(cell, { label, name, isPressed, act }, shown) {
    const button = element('button', { type: 'button', onclick: () => act(shown.row) });
    cell.append(button, ' ');
    return (row) => {
        setText(button, label(row));
        button.setAttribute('aria-label', name(row));
        if (isPressed) {
            button.setAttribute('aria-pressed', String(isPressed(row)));
        }
    };
}
