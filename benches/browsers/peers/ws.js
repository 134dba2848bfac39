// Tells all clients what one of them says: node ws.js IP PORT.
const { WebSocketServer } = require("ws");

const [host, port] = process.argv.slice(2);
const server = new WebSocketServer({ host, port });
server.on("connection", (speaker) => {
    speaker.on("message", (data) => {
        const text = data.toString();
        for (const client of server.clients) {
            if (client !== speaker) client.send(text);
        }
    });
});
