import { createRoot } from "react-dom/client";
import { App } from "./App";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/frame.css";
import "./styles/chat.css";
import "./styles/work.css";
import "./styles/history.css";
import "./styles/diff.css";
import "./styles/dialog.css";
import "./styles/home.css";
import "./styles/small.css";

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(<App />);
