// @ts-check
/** How telemetry starts, in commands to copy. Never: a step that only works elsewhere. */
import { html } from '../html.js';
import { Command } from './card.js';

export function Steps() {
  const near = ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);
  return html`<ol class="steps">
    <li><span>Install the SDK</span><${Command} text="pip install spanledger" /></li>
    <li><span>Say where to send</span><${Command} text=${`export OTEL_EXPORTER_OTLP_ENDPOINT=${location.origin}${near ? '' : '\nexport SPANLEDGER_TOKEN=…  # spanledger token create my-service --role ingest'}`} /></li>
    <li><span>Decorate what calls a model</span><${Command} text=${'import openai, spanledger\n\nspanledger.configure(service_name="support")\n\n@spanledger.traced_cost(feature="answers")\ndef answer(question):\n    return openai.OpenAI().responses.create(model="gpt-5-mini", input=question)'} /></li>
  </ol>`;
}
