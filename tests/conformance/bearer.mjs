// Sends the token of MCP_TOKEN with every request to MCP_TARGET: the suite has no option for it.
// Loaded by `node --import`, before the suite. It asks through its own undici and, where it looks
// at headers, through node:http.
import http from "node:http";
import { createRequire } from "node:module";

const target = new URL(process.env.MCP_TARGET).origin;
const bearer = `Bearer ${process.env.MCP_TOKEN}`;
const { Agent, setGlobalDispatcher } = createRequire(process.argv[1])("undici");

// undici has headers as a flat list or as an object; a token that is there already stays.
function withBearer(headers) {
    const names = Array.isArray(headers)
        ? headers.filter((_, at) => at % 2 === 0)
        : Object.keys(headers ?? {});
    if (names.some((name) => String(name).toLowerCase() === "authorization")) return headers;
    return Array.isArray(headers)
        ? [...headers, "authorization", bearer]
        : { ...headers, authorization: bearer };
}

setGlobalDispatcher(
    new Agent().compose((dispatch) => (options, handler) => {
        const isTarget = String(options.origin) === target;
        const sent = isTarget ? { ...options, headers: withBearer(options.headers) } : options;
        return dispatch(sent, handler);
    }),
);

const request = http.request;
http.request = (options, ...rest) => {
    const isTarget =
        options?.hostname && `http://${options.hostname}:${options.port}` === target;
    const sent = isTarget ? { ...options, headers: withBearer(options.headers) } : options;
    return request(sent, ...rest);
};
